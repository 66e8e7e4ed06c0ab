"""Compositions drawn from the config groups, valid and nasty ones, and what becomes of each.

python tests/fuzz/compositions.py --valid 1000 --nasty 500       prints every breach, and how many were tried
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from byzsgd import experiment
from byzsgd.cli import MISTAKE, _explained
from byzsgd.config import ConfigError
from byzsgd.config.catalogue import members
from byzsgd.config.settings import settings as leaves
from byzsgd.run.screen import Nobody

SHORT = ("budget.arrivals=30", "eval_every=20", "engine=loop")
LONGEST = 20.0  # seconds of computing of one composition: waiting for a busy machine is no fault of it
MOST = 2 * 10**9  # bytes of one composition, beside what the imports take
PATIENCE = 4.0  # seconds for a composition that asks for a billion of something

IN_FILES = {"cifar10", "cifar100", "emnist", "fashion_mnist", "mnist", "svhn", "tensor_file", "text_char"}
GROUPS = ("worker", "attack", "optimizer", "compressor")
AROUND = ("heterogeneity", "availability", "communication", "byzantine")
CLASSES = {"digits", "wine", "breast_cancer"}
PIPELINES = ("asgd", "kardam", "fedbuff", "basgd")
PARTS = ("aggregator/filters", "aggregator/damping", "aggregator/collector", "aggregator/rule")
EXTRAS = ("metrics.study=true", "metrics.gradient_norm=true", "stamps=false", "knowledge=in_flight", "dtype=float64",
          "budget.time=3.5")  # fmt: skip
BILLION = "1000000000"
NASTY = (
    *("null", "true", "x", "''", "[]", "[1]", "[1,2]", "[[1]]", "[a]", "[null]", "{}", "{a:1}", "[{}]", "{_target_:x}"),
    *("0", "1", "-1", "0.5", "-0.5", BILLION, f"1{'0' * 30}", f"-1{'0' * 30}", f"1{'0' * 400}", "1e-320", "1e-30"),
    *("1e30", "1e300", "nan", "inf", "-inf"),
)
LEFT_ALONE = {"budget.arrivals", "data_root", "eval_every"}  # what bounds the run, and where it looks for files


def named(group: str, without: set[str] = frozenset()) -> list[str]:
    return sorted({member.name for member in members(group)} - without)


@st.composite
def valid(draw: st.DrawFn) -> list[str]:
    """Members of all groups and moderate numbers. Some cannot be together: they are refused, in one line."""
    # A generator of its own: Hypothesis prefers what is small and what it had before, and here all members count alike.
    return _drawn(draw(st.randoms(use_true_random=True)))


@st.composite
def nasty(draw: st.DrawFn) -> list[str]:
    """A valid composition with one or two settings that nobody would choose."""
    chance = draw(st.randoms(use_true_random=True))
    words = _drawn(chance)
    known = sorted(leaves(words).keys() - LEFT_ALONE)
    return words + [f"++{key}={chance.choice(NASTY)}" for key in chance.sample(known, chance.choice((1, 1, 2)))]


def _drawn(chance: Random) -> list[str]:
    def often(times: float) -> bool:
        return chance.random() < times

    words = [f"seed={chance.randrange(100)}", f"num_workers={chance.randint(9, 20)}",
             f"num_byzantine={chance.choice((0, 1, 2))}", f"batch_size={chance.randint(1, 64)}",
             f"optimizer.lr={10 ** chance.uniform(-4, 0):.3g}"]  # fmt: skip
    dataset = chance.choice(named("dataset", IN_FILES))
    words.append(f"dataset={dataset}")
    partitions = named("partition", {"by_writer"}) if dataset in CLASSES else ["iid"]
    words.append(f"partition={chance.choice(partitions)}")
    words += [f"{group}={chance.choice(named(group, {'dissensus', 'delta'}))}" for group in GROUPS if often(0.4)]
    prescribed = {name for name in named("delay") if name.startswith(("d1", "d2", "staleness"))}
    if often(0.75):
        words += [
            f"delay={chance.choice(named('delay', {'trace'}))}",
            f"aggregator={chance.choice(named('aggregator'))}",
        ]
        if often(0.3):  # most servers are no pipeline, and have no such part
            part = chance.choice(PARTS)
            words[-1] = f"aggregator={chance.choice(PIPELINES)}"
            name = chance.choice(named(part))
            words.append(f"{part}=[{name}]" if part.endswith("filters") else f"{part}={name}")
    else:
        scheme = chance.choice(named("scheme", {"server"}))
        words += [f"delay={chance.choice(named('delay', prescribed | {'trace'}))}", f"scheme={scheme}"]
        if scheme in ("d_psgd", "d2", "ad_psgd") and often(0.7):
            part = chance.choice(("graph", "mixing", "exchange", "rule"))
            words.append(f"scheme/{part}={chance.choice(named(f'scheme/{part}', {'file'}))}")
    if not prescribed & {word.partition("=")[2] for word in words} and often(0.5):
        part = chance.choice(AROUND)
        words.append(f"delay/{part}={chance.choice(named(f'delay/{part}', {'trace', 'list'}))}")
    return words + [extra for extra in EXTRAS if often(0.1)]


class TooLong(BaseException):
    """Raised by the timer: no handler of the program takes it for an error."""


def played(words: list[str]) -> str:
    """What became of a composition: `finished`, `refused`, …; a breach begins with BREACH."""
    start, begun = time.process_time(), False
    long = any(BILLION in word for word in words)
    try:
        with _limited(PATIENCE if long else LONGEST):
            running = experiment(*SHORT, *words).start(None, Nobody())
            begun = True
            outcome = str(running.complete(lambda: 0).info["status"])
    except TooLong:
        # A billion steps were asked for: that they are under way, and that a signal ends them, is all right.
        return "asked for too much" if long else f"BREACH: still at work after {LONGEST} s"
    except Exception as error:
        outcome = _refusal(error)
        if begun and outcome == "refused":
            outcome = f"BREACH: refused under way: {error}"
    taken = time.process_time() - start
    return outcome if taken < LONGEST + 1 else f"BREACH: {outcome} after {taken:.0f} s"


def _refusal(error: Exception) -> str:
    code, line = _explained(error)
    if code != MISTAKE or isinstance(error, TypeError) or "\n" in line:
        return f"BREACH: {type(error).__name__}: {line}"
    if isinstance(error, ConfigError) or " need" in line or " more memory " in line:
        return "refused"
    return f"BREACH: {type(error).__name__}: {line}"


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Inside, the process may grow by MOST bytes, and TooLong comes after so many seconds of computing."""

    def ring(*_: object) -> None:
        raise TooLong

    before, limits = signal.signal(signal.SIGPROF, ring), resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    most = now + MOST if limits[0] == resource.RLIM_INFINITY else min(now + MOST, limits[0])
    resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)  # again: a callback of the collector swallows exceptions
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGPROF, before)


@dataclass
class Tally:
    """What became of how many, and the compositions that were breaches."""

    outcomes: Counter[str] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)

    def add(self, words: list[str], outcome: str) -> None:
        self.outcomes[outcome.partition(":")[0]] += 1
        if outcome.startswith("BREACH"):
            self.breaches.append(f"{' '.join(words)}  ->  {outcome}")


def tried(drawn: st.SearchStrategy[list[str]], count: int, told: Callable[[str], None] = lambda line: None) -> Tally:
    """Plays so many compositions, the same ones every time, and collects the breaches of all of them."""
    tally = Tally()

    @settings(max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(drawn)
    def play(words: list[str]) -> None:
        before = len(tally.breaches)
        tally.add(words, played(words))
        for line in tally.breaches[before:]:
            told(line)

    play()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--valid", type=int, default=1000)
    parser.add_argument("--nasty", type=int, default=500)
    parsed = parser.parse_args()
    warnings.simplefilter("error")  # as in the tests
    found = 0
    for name, drawn, count in (("valid", valid(), parsed.valid), ("nasty", nasty(), parsed.nasty)):
        tally = tried(drawn, count, lambda line: print(line, flush=True)) if count else Tally()
        found += len(tally.breaches)
        print(f"{name}: tried {sum(tally.outcomes.values())}, breaches {len(tally.breaches)}, {dict(tally.outcomes)}",
              flush=True)  # fmt: skip
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
