"""The protocol compares servers on equal terms. Each server has its own step, chosen on validation data of other seeds
than those that are reported."""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from byzsgd.checks import require

from .estimates import estimate
from .groups import Comparison, Group, Recorded, compare
from .outcomes import outcome

CONTROLS = ("none", "crash")  # columns in which nobody lies
FREE, MINIMAX = "attack-free", "minimax"  # the two ways to choose a step
JUDGE = "validation_accuracy"  # the metric that chooses
DIGITS = 3  # significant digits of a learning rate

Job = tuple[str, ...]  # overrides


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Which servers are compared, and how their steps are chosen. Servers and attacks map the name that tables show to
    overrides; `none` and `crash` are controls, in which nobody lies.

    The step mass is m = lr · E[Λ] · updates/arrivals: how far a server moves for each delivered gradient, in units of
    that gradient. With one lr for all, a server that buffers and damps would move much less than the others.
    """

    settings: Job  # overrides of every run
    servers: Mapping[str, Job]
    attacks: Mapping[str, Job]
    masses: tuple[float, ...]  # the grid
    tuning_seeds: tuple[int, ...]
    reporting_seeds: tuple[int, ...]
    last: int  # evaluations whose mean is the outcome of a run

    def __post_init__(self) -> None:
        require("none" in self.attacks and not set(self.attacks) <= set(CONTROLS), "a protocol",
                "the column none and an attack", attacks=", ".join(self.attacks))  # fmt: skip
        require(min(self.masses, default=0.0) > 0, "a protocol", "masses > 0", masses=list(self.masses))
        tuning, reporting = set(self.tuning_seeds), set(self.reporting_seeds)
        require(bool(tuning) and bool(reporting) and not tuning & reporting, "a protocol",
                "tuning seeds, and reporting seeds that are none of them", tuning_seeds=list(self.tuning_seeds),
                reporting_seeds=list(self.reporting_seeds))  # fmt: skip
        require(self.last >= 1, "a protocol", "last >= 1", last=self.last)

    def job(self, server: str, attack: str, seed: int, lr: float | None = None) -> Job:
        """The overrides of one run."""
        step = () if lr is None else (f"optimizer.lr={lr:g}",)
        return (*self.settings, *self.servers[server], *self.attacks[attack], f"seed={seed}", *step)

    def pilots(self) -> dict[str, Job]:
        """One run of each server, which measures how far it moves for a delivered gradient."""
        return {server: self.job(server, "none", self.tuning_seeds[0]) for server in self.servers}

    def steps(self, rates: Mapping[str, float]) -> dict[str, list[float]]:
        """The learning rates of each server's grid, ascending."""
        return {server: [step_of(mass, rate) for mass in sorted(self.masses)] for server, rate in rates.items()}


def read(file: Path) -> Protocol:
    """A protocol from a YAML file; ValueError of one line where it is none."""
    return protocol_of(yaml_of(file), str(file))


def yaml_of(file: Path) -> object:
    """The content of a YAML file; ValueError of one line where it cannot be read."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"cannot read {file}: {' '.join(str(error).split())}") from error


def settings_of(who: str, node: object, names: Collection[str]) -> Mapping[str, Any]:
    """A node of YAML as the mapping with exactly these names that it should be; ValueError where it is none."""
    settings = node if isinstance(node, Mapping) else {}
    if set(settings) != set(names):
        missing, unknown = sorted(set(names) - set(settings)), sorted(map(str, set(settings) - set(names)))
        raise ValueError(f"{who} needs the settings {', '.join(sorted(names))}; got none of {missing}, and {unknown}")
    return settings


def protocol_of(content: object, who: str) -> Protocol:
    """A protocol from the content of a YAML file. ValueErrors of one line name it by `who`."""
    node = settings_of(who, content, Protocol.__dataclass_fields__)
    try:
        return Protocol(
            settings=words_in(node["settings"]),
            servers={str(name): words_in(words) for name, words in node["servers"].items()},
            attacks={str(name): words_in(words) for name, words in node["attacks"].items()},
            masses=tuple(float(mass) for mass in node["masses"]),
            tuning_seeds=tuple(int(seed) for seed in node["tuning_seeds"]),
            reporting_seeds=tuple(int(seed) for seed in node["reporting_seeds"]),
            last=int(node["last"]),
        )
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{who} is no protocol: {error}") from error


def rate(run: Recorded) -> float:
    """E[Λ] · updates/arrivals of a run: the step mass of the learning rate 1."""
    rows = run.arrivals.filter("accepted")
    moved = float(rows["weight"].mean() or 0.0) * float(run.arrivals["updated"].sum())  # type: ignore[arg-type]
    return moved / len(run.arrivals) if len(run.arrivals) else 0.0


def step_of(mass: float, rate: float) -> float:
    """The learning rate with this step mass."""
    return float(f"{mass / rate:.{DIGITS}g}")


@dataclass(frozen=True)
class Picked:
    """The learning rates of one server, tried and chosen."""

    rate: float  # step mass = rate · learning rate
    steps: tuple[float, ...]  # the grid of learning rates
    free: tuple[float, ...]  # the validation accuracy of each step without attack
    worst: tuple[float, ...]  # that of each step under its worst attack
    chosen: Mapping[str, float]  # FREE, MINIMAX -> learning rate

    def at_the_edge(self, how: str) -> bool:
        """Whether the chosen step is the first or last of the grid, so that a larger grid might have a better one."""
        return self.chosen[how] in (self.steps[0], self.steps[-1])


def pick(protocol: Protocol, server: str, rate: float, tuned: Mapping[Job, Recorded]) -> Picked:
    """Chooses the steps of a server by the median validation accuracy over the tuning seeds.

    Attack-free: the step with the best accuracy without attack; of equal ones the smallest. Minimax: the step whose
    accuracy under its worst attack is best. Among the steps within one standard error of that, the one with the best
    mean over the attacks is chosen. Otherwise a server that one attack defeats at every step would be tuned to noise.
    """
    steps = protocol.steps({server: rate})[server]
    attacks = [attack for attack in protocol.attacks if attack not in CONTROLS]

    def judged(lr: float, attack: str) -> float:
        runs = [tuned[protocol.job(server, attack, seed, lr)] for seed in protocol.tuning_seeds]
        middle = estimate(outcome(run, JUDGE, protocol.last) for run in runs).middle
        return 0.0 if math.isinf(middle) else middle  # a diverged model classifies nothing

    free = [judged(lr, "none") for lr in steps]
    under = [[judged(lr, attack) for attack in attacks] for lr in steps]
    worst = [min(line) for line in under]
    examples = tuned[protocol.job(server, "none", protocol.tuning_seeds[0], steps[0])].info.get("validation_examples")
    best = max(worst)
    near = best - math.sqrt(best * (1 - best) / examples) if examples else best
    level = [index for index in range(len(steps)) if worst[index] >= near]
    minimax = max(level, key=lambda index: sum(under[index]))
    chosen = {FREE: steps[free.index(max(free))], MINIMAX: steps[minimax]}
    return Picked(rate, tuple(steps), tuple(free), tuple(worst), chosen)


def tuning_jobs(protocol: Protocol, rates: Mapping[str, float]) -> list[Job]:
    """The jobs of every server with every step of its grid, under every attack, on the tuning seeds."""
    steps = protocol.steps(rates)
    return [
        protocol.job(server, attack, seed, lr)
        for server in protocol.servers
        for lr, attack, seed in product(steps[server], protocol.attacks, protocol.tuning_seeds)
    ]


def reporting_jobs(protocol: Protocol, picked: Mapping[str, Picked]) -> list[Job]:
    """The jobs of every server with its chosen steps, under every attack, on the reporting seeds."""
    jobs = [
        protocol.job(server, attack, seed, lr)
        for server in protocol.servers
        for lr, attack, seed in product(
            dict.fromkeys(picked[server].chosen.values()), protocol.attacks, protocol.reporting_seeds
        )
    ]
    return list(dict.fromkeys(jobs))


def reporting_jobs_at_most(protocol: Protocol) -> list[Job]:
    """The reporting jobs if the two choices differ for every server, without their learning rates."""
    return [
        protocol.job(server, attack, seed)
        for _ in (FREE, MINIMAX)
        for server, attack, seed in product(protocol.servers, protocol.attacks, protocol.reporting_seeds)
    ]


def compared(protocol: Protocol, picked: Mapping[str, Picked], reported: Mapping[Job, Recorded]) -> Comparison:
    """The reported runs grouped by server, attack and choice of the step."""
    groups = tuple(
        Group(
            {"aggregator": server, "attack": attack, "step": how},
            tuple(
                reported[protocol.job(server, attack, seed, picked[server].chosen[how])]
                for seed in protocol.reporting_seeds
            ),
        )
        for server, attack, how in product(protocol.servers, protocol.attacks, (FREE, MINIMAX))
    )
    shared: Mapping[str, object] = compare(list(reported.values())).shared
    return Comparison(groups, ("aggregator", "attack", "step"), shared)


def words_in(line: str) -> Job:
    """The overrides in one line of text."""
    return tuple(shlex.split(line))
