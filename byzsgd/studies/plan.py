"""The plan of a study: its YAML file, and its jobs at each scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from byzsgd.analysis.protocol import Job, Protocol, protocol_of, settings_of, step_of, words_in, yaml_of
from byzsgd.checks import require

SCALES = ("tiny", "small", "full")  # tiny: seconds, for tests; its numbers mean nothing
Combinations = Callable[[Sequence[str]], Sequence[Sequence[str]]]  # overrides with sweeps -> jobs


@dataclass(frozen=True)
class Grid:
    """The runs of a study: every combination of some sweeps.

    With `masses`, each job is run with the learning rates mass/rate. The rate is measured on a pilot run without the
    learning rate (`analysis.protocol.rate`). So methods are compared by how far they move.
    """

    sweeps: tuple[Job, ...]  # overrides with sweeps; the later of one key counts
    masses: tuple[float, ...] = ()

    def jobs(self, combinations: Combinations) -> list[Job]:
        """All jobs; with masses, without their learning rates."""
        jobs = (tuple(job) for sweep in self.sweeps for job in combinations(sweep))
        return list(dict.fromkeys(jobs))

    def with_steps(self, rates: Mapping[Job, float], combinations: Combinations) -> list[Job]:
        """The jobs with the learning rates of all masses. `rates`: the rate of each pilot."""
        return [
            (*job, f"optimizer.lr={step_of(mass, rates[pilot_of(job)]):g}")
            for job in self.jobs(combinations)
            for mass in self.masses
        ]


def pilot_of(job: Job) -> Job:
    """The pilot run that measures the rate of a job. It is the same for all seeds."""
    return tuple(word for word in job if not word.startswith("seed="))


@dataclass(frozen=True)
class Study:
    """A published claim and the runs that test it."""

    name: str
    title: str
    claim: str
    source: str
    scales: Mapping[str, Grid | Protocol]

    def at(self, scale: str) -> Grid | Protocol:
        require(scale in self.scales, f"study {self.name}", f"a scale of {', '.join(self.scales)}", scale=scale)
        return self.scales[scale]


def read_study(file: Path, protocol_file: Callable[[str], Path]) -> Study:
    """The study in a YAML file; ValueError of one line where it is none.

    `runs` is a list of sweeps, or the settings of a protocol, or the name of a protocol (its file is
    `protocol_file(name)`). A scale of sweeps may have `settings` (overrides for every sweep), `runs` (sweeps in place
    of these) and `masses`. A scale of a protocol replaces its settings, and adds to its `settings`.
    """
    node = settings_of(str(file), yaml_of(file), ("title", "claim", "source", "runs", "scales"))
    runs, scales = node["runs"], node["scales"]
    require(isinstance(scales, Mapping) and set(scales) == set(SCALES), str(file), f"the scales {', '.join(SCALES)}",
            scales=scales)  # fmt: skip
    if isinstance(runs, str):
        runs = yaml_of(protocol_file(runs))
    made = _grid if isinstance(runs, list) else _protocol
    return Study(
        name=file.stem,
        title=str(node["title"]),
        claim=str(node["claim"]),
        source=str(node["source"]),
        scales={name: made(runs, scales[name] or {}, f"{file}, scale {name},") for name in SCALES},
    )


def _grid(runs: Sequence[object], scale: Mapping[str, Any], who: str) -> Grid:
    unknown = set(scale) - {"runs", "settings", "masses"}
    require(not unknown, who, "runs, settings and masses, no others", got=", ".join(sorted(unknown)))
    more = words_in(str(scale.get("settings", "")))
    masses = tuple(float(mass) for mass in scale.get("masses", ()))
    return Grid(tuple((*words_in(str(line)), *more) for line in scale.get("runs", runs)), masses)


def _protocol(runs: Mapping[str, object], scale: Mapping[str, object], who: str) -> Protocol:
    settings = f"{runs.get('settings', '')} {scale.get('settings', '')}"
    return protocol_of({**runs, **scale, "settings": settings}, who)
