"""What a study runs: its file, and its jobs at a scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from byzsgd.analysis.protocol import Job, Protocol, protocol_of, require_settings, step_of, words_in, yaml_of
from byzsgd.checks import require

SCALES = ("tiny", "small", "full")  # tiny: seconds, for tests; its numbers say nothing
Combinations = Callable[[Sequence[str]], Sequence[Sequence[str]]]  # overrides with sweeps -> jobs


@dataclass(frozen=True)
class Grid:
    """Runs of a study that are made with settings of their own: every combination of some sweeps.

    With `masses` the learning rate of a job is the step mass over what a pilot without it moves the model for a
    delivered gradient (`analysis.protocol.rate`), so that methods are compared by how far they move.
    """

    sweeps: tuple[Job, ...]  # overrides with sweeps; the later of one key counts
    masses: tuple[float, ...] = ()

    def jobs(self, combinations: Combinations) -> list[Job]:
        """All of them; with masses, less their learning rates."""
        found = (tuple(job) for sweep in self.sweeps for job in combinations(sweep))
        return list(dict.fromkeys(found))

    def with_steps(self, rates: Mapping[Job, float], combinations: Combinations) -> list[Job]:
        """The jobs with the learning rates of all masses, of each what its pilot says."""
        return [
            (*job, f"optimizer.lr={step_of(mass, rates[pilot_of(job)]):g}")
            for job in self.jobs(combinations)
            for mass in self.masses
        ]


def pilot_of(job: Job) -> Job:
    """The run that shows how far a job moves: the same for all of its seeds."""
    return tuple(word for word in job if not word.startswith("seed="))


@dataclass(frozen=True)
class Study:
    """A claim and the runs that put it to the test."""

    name: str
    title: str
    claim: str
    source: str
    scales: Mapping[str, Grid | Protocol]

    def at(self, scale: str) -> Grid | Protocol:
        require(scale in self.scales, f"study {self.name}", f"a scale of {', '.join(self.scales)}", scale=scale)
        return self.scales[scale]


def read_study(file: Path, protocol_file: Callable[[str], Path]) -> Study:
    """From YAML; ValueError of one line for what is no study.

    `runs` is a list of sweeps, or the settings of a protocol, or the name of one (found by `protocol_file`). A scale
    has words for every sweep, may have sweeps of its own in place of these, and `masses`; of a protocol it replaces
    settings, and adds to its `settings`.
    """
    node = yaml_of(file)
    require_settings(str(file), node, ("title", "claim", "source", "runs", "scales"))
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


def _grid(runs: Sequence[Any], scale: Mapping[str, Any], who: str) -> Grid:
    unknown = set(scale) - {"runs", "settings", "masses"}
    require(not unknown, who, "runs, settings and masses, no others", got=", ".join(sorted(unknown)))
    more = words_in(str(scale.get("settings", "")))
    masses = tuple(float(mass) for mass in scale.get("masses", ()))
    return Grid(tuple((*words_in(str(line)), *more) for line in scale.get("runs", runs)), masses)


def _protocol(runs: Mapping[str, Any], scale: Mapping[str, Any], who: str) -> Protocol:
    settings = f"{runs.get('settings', '')} {scale.get('settings', '')}"
    return protocol_of({**runs, **scale, "settings": settings}, who)
