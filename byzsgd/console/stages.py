"""Sweeps one after another, each with jobs that may rest on what the one before has found."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.analysis.protocol import Job

if TYPE_CHECKING:
    from byzsgd.records import Run

Sweep = Callable[[list[str]], int]  # overrides -> exit code


class Unfinished(Exception):
    """A stage that has jobs without a result."""


class Stages:
    """The sweeps of a protocol or a study, each in a folder of its own."""

    def __init__(self, folder: Path, overrides: Sequence[str], sweep: Sweep) -> None:
        self.folder, self.sweep = folder, sweep
        self.heard = [word for word in overrides if word.startswith(("hydra", "sweep."))]  # by the sweep
        self.settings = [word for word in overrides if word not in self.heard]  # of every run

    def run(self, stage: str, jobs: Sequence[Job]) -> dict[Job, Run]:
        """The runs of these jobs, those computed that are not there yet."""
        from byzsgd import config
        from byzsgd.config.words import quoted

        place = self.folder / stage
        listed = place / "jobs.txt"
        place.mkdir(parents=True, exist_ok=True)
        listed.write_text("".join(shlex.join([*job, *self.settings]) + "\n" for job in jobs), encoding="utf-8")
        told = [f"{config.SWEEP_FOLDER}={quoted(str(place))}", f"{config.JOBS}={quoted(str(listed))}"]
        code = self.sweep([*self.heard, *told])
        found = self._found(place, jobs)
        if code or len(found) < len(jobs):
            raise Unfinished(f"{stage} has {len(jobs) - len(found)} of {len(jobs)} jobs without a result")
        return found

    def finished(self) -> int:
        """How many runs have ended, in all stages."""
        from byzsgd.records import find_runs, is_finished

        return sum(map(is_finished, find_runs(self.folder))) if self.folder.is_dir() else 0

    def _found(self, place: Path, jobs: Sequence[Job]) -> dict[Job, Run]:
        from byzsgd import config
        from byzsgd.records import is_finished, load
        from byzsgd.records.plan import in_one_line, read_plan

        plan, of_sweep = read_plan(place), [word for word in self.heard if not word.startswith("hydra")]
        found: dict[Job, Run] = {}
        if plan is None:
            return found
        for job in jobs:
            identity = plan.told.get(in_one_line(config.words_of([*of_sweep, *job, *self.settings])), "")
            folder = place / plan.jobs.get(identity, "")
            if identity and is_finished(folder):
                found[job] = load(folder)
        return found
