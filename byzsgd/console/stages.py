"""The stages of a protocol or a study: sweeps one after another. The jobs of one may depend on the results of the one
before."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.analysis.protocol import Job
from byzsgd.checks import require
from byzsgd.records.files import write_whole

if TYPE_CHECKING:
    from byzsgd.records import Run

Sweep = Callable[[list[str]], int]  # overrides -> exit code


class Unfinished(Exception):
    """A stage that has jobs without a result."""


class Stages:
    """The sweeps of a protocol or a study, each in a folder of its own."""

    def __init__(self, folder: Path, overrides: Sequence[str], sweep: Sweep) -> None:
        from byzsgd import config

        self.folder, self.sweep = folder, sweep
        self.of_sweep = [word for word in overrides if word.startswith(("hydra", "sweep."))]
        self.settings = [word for word in overrides if word not in self.of_sweep]  # of every run
        for word in self.settings:
            require(
                len(config.jobs_of([word])) == 1, "a stage", "one value in each override of all its runs", override=word
            )

    def run(self, stage: str, jobs: Sequence[Job]) -> dict[Job, Run]:
        """The runs of these jobs. Those without a result are computed; Unfinished where one still has none."""
        from byzsgd import config
        from byzsgd.config.words import quoted

        folder = self.folder / stage
        file = folder / "jobs.txt"
        folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(shlex.join([*job, *self.settings]) + "\n" for job in jobs)
        write_whole(file, lines.encode(), shared=True)  # two commands may be at work in one folder
        overrides = [f"{config.SWEEP_FOLDER}={quoted(str(folder))}", f"{config.JOBS}={quoted(str(file))}"]
        code = self.sweep([*self.of_sweep, *overrides])
        results = self._results(folder, jobs)
        if code or len(results) < len(jobs):
            raise Unfinished(f"{stage} has {len(jobs) - len(results)} of {len(jobs)} jobs without a result")
        return results

    def finished(self) -> int:
        """How many runs have ended, in all stages."""
        from byzsgd.records import find_runs, is_finished

        return sum(map(is_finished, find_runs(self.folder))) if self.folder.is_dir() else 0

    def _results(self, folder: Path, jobs: Sequence[Job]) -> dict[Job, Run]:
        from byzsgd import config
        from byzsgd.records import is_finished, load
        from byzsgd.records.plan import in_one_line, read_plan

        plan, of_sweep = read_plan(folder), [word for word in self.of_sweep if not word.startswith("hydra")]
        results: dict[Job, Run] = {}
        if plan is None:
            return results
        for job in jobs:
            identity = plan.told.get(in_one_line(config.words_of([*of_sweep, *job, *self.settings])), "")
            of_job = folder / plan.jobs.get(identity, "")
            if identity and is_finished(of_job):
                results[job] = load(of_job)
        return results
