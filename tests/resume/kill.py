"""Kills runs with SIGKILL at random moments, resumes them, and holds what they leave against a run left alone.

    python -m tests.resume.kill                        100 moments for every server
    python -m tests.resume.kill --moments 20 aggregator=krum attack=ipm delay=d1

Every run is a process of its own, forked from a server that has everything loaded, so that a kill costs little. The
moment is an arrival, every other time one after which a checkpoint is written, and some milliseconds more.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import byzsgd
from byzsgd.config import build
from byzsgd.config.catalogue import members
from byzsgd.records.checkpoints import NODES, PARAMS
from byzsgd.run.screen import Nobody

ARRIVALS, CHECKPOINT_EVERY = 160, 17
COMMON = (
    *(f"budget.arrivals={ARRIVALS}", f"checkpoint_every={CHECKPOINT_EVERY}", "eval_every=40", "batch_size=8"),
    *("num_workers=15", "num_byzantine=3"),
)
LATEST = 0.8  # of the run: later kills could come too late
LINGER = 0.008  # seconds at most between the arrival and the kill
FAMILIES = (
    "aggregators",
    "attacks",
    "compressors",
    "datasets",
    "delays",
    "models",
    "optimizers",
    "graphs",
    "partitions",
    "schemes",
    "workers",
)
PRELOADED = [
    *("byzsgd.config.compose", "byzsgd.run.experiment", "byzsgd.records.checkpoints", "byzsgd.kernel.compiled.stretch"),
    *(f"byzsgd.{family}" for family in FAMILIES),
    "torch.fx.experimental.symbolic_shapes",  # what vmap imports, in a second
]

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(PRELOADED)


class Deadly(Nobody):
    """A screen during which the process dies."""

    def __init__(self, arrival: int, linger: float) -> None:
        self.arrival, self.linger = arrival, linger

    def event(self, event) -> None:
        self._passed(1)

    def block(self, columns) -> None:
        self._passed(len(columns["time"]))

    def _passed(self, count: int) -> None:
        before, self.arrival = self.arrival, self.arrival - count
        if self.arrival <= 0 < before:
            threading.Timer(self.linger, os.kill, (os.getpid(), signal.SIGKILL)).start()


Setting = tuple[dict[str, Any], dict[str, str]]  # a resolved configuration, and which members were chosen


def composed(overrides: Sequence[str]) -> Setting:
    """Once, and not in every process. ConfigError where it cannot be built."""
    experiment = byzsgd.experiment(*COMMON, *overrides)
    return dict(experiment.config), dict(experiment.choices)


def live(setting: Setting, folder: str, arrival: int, linger: float) -> None:
    """In a process of its own: runs, or goes on, and dies some time after this arrival of its own."""
    build(*setting).run(folder, Deadly(arrival, linger))


def live_on(setting: Setting, folder: str) -> None:
    """In a process of its own: runs, or goes on, to the end."""
    build(*setting).run(folder)


def _in_a_process(target, *arguments) -> int:
    process = _forking.Process(target=target, args=arguments)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def left(folder: Path) -> dict[str, bytes]:
    """What a run leaves: the models and the records. Wall times and the cut into parts are not among them."""
    run = byzsgd.load(folder)
    return {
        "params": b"".join((folder / name).read_bytes() for name in (PARAMS, NODES) if (folder / name).exists()),
        "metrics": (folder / "metrics.jsonl").read_bytes(),
        "arrivals": run.arrivals.write_csv().encode(),
        "config": (folder / "config.yaml").read_bytes(),
        "status": str(run.info["status"]).encode(),
    }


def killed(folder: Path, setting: Setting, length: int, moments: int, chance: random.Random) -> int:
    """Kills a run of `length` arrivals at `moments` moments, then lets it end. Returns how often it was killed."""
    kills = 0
    for _ in range(moments):
        if (folder / "DONE").exists():
            break
        arrival = _moment(int(LATEST * length) - _saved(folder), chance)
        code = _in_a_process(live, setting, str(folder), arrival, chance.uniform(0, LINGER))
        assert code in (0, -signal.SIGKILL), f"{folder} ended with exit code {code}"
        kills += code == -signal.SIGKILL
        if (folder / "info.json").exists():
            byzsgd.load(folder)  # readable as it is
    assert _in_a_process(live_on, setting, str(folder)) == 0
    return kills


def _saved(folder: Path) -> int:
    """The arrivals that the next process does not repeat."""
    return max((int(path.name[:12]) for path in folder.glob("checkpoints/*.safetensors")), default=0)


def _moment(most: int, chance: random.Random) -> int:
    """After how many of its own arrivals, `most` at most, the next process dies. Mostly soon, so that many moments fit
    in one run."""
    arrival = min(chance.randint(1, 2 * CHECKPOINT_EVERY), most)
    if chance.random() < 0.5:
        arrival -= arrival % CHECKPOINT_EVERY
    return max(1, arrival)


def differences(setting: Setting, place: Path, moments: int, seed: int) -> tuple[int, list[str]]:
    """How often the run was killed, and what then differs from the run left alone: nothing, if all is well."""
    whole, cut = place / "whole", place / "cut"
    assert _in_a_process(live_on, setting, str(whole)) == 0
    chance, length = random.Random(seed), len(byzsgd.load(whole).arrivals)
    kills, found = 0, []
    for attempt in range(1, moments + 1):
        folder = cut.with_name(f"cut-{attempt}")
        kills += killed(folder, setting, length, moments - kills, chance)
        one, other = left(whole), left(folder)
        found += [f"{name} (attempt {attempt})" for name in one if one[name] != other[name]]
        if kills >= moments or found:
            break
    return kills, found


def main(arguments: Sequence[str]) -> int:
    """For every server, or for the one setting that is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("overrides", nargs="*")
    parsed = parser.parse_args(arguments)
    settings = (
        [parsed.overrides] if parsed.overrides else [[f"aggregator={each.name}"] for each in members("aggregator")]
    )
    wrong = 0
    for setting in settings:
        with tempfile.TemporaryDirectory() as place:
            kills, found = differences(composed(setting), Path(place), parsed.moments, parsed.seed)
        wrong += bool(found)
        print(f"{' '.join(setting)}: killed {kills} times, {'differs in ' + ', '.join(found) if found else 'equal'}",
              flush=True)  # fmt: skip
    print(f"{len(settings) - wrong} of {len(settings)} equal")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
