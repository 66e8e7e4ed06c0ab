"""The sweeper of `-m`, in place of Hydra's own: all combinations, for each line of a file of jobs; overrides with the
same tag vary together. All jobs are composed and checked before the first one.

No postponed annotations here: Hydra loads its plugins outside of sys.modules, where a dataclass cannot look them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf


@dataclass
class GridConf:
    """The settings of Hydra's own sweeper, and a file of jobs."""

    _target_: str = "hydra_plugins.byzsgd_grid.sweeper.GridSweeper"
    max_batch_size: int | None = None  # jobs in one call of the launcher; null: all
    params: dict[str, str] | None = None
    jobs: str | None = None  # a file with overrides on each line, which are combined with all others


def register() -> None:
    """Registers it in place of Hydra's own sweeper. Only byzsgd calls this: other applications that find this plugin
    keep Hydra's."""
    ConfigStore.instance().store(group="hydra/sweeper", name="basic", node=GridConf, provider="byzsgd_grid")


class GridSweeper(BasicSweeper):
    """Every combination of the values, for each row of the file."""

    def __init__(
        self, max_batch_size: int | None, params: dict[str, str] | None = None, jobs: str | None = None
    ) -> None:
        super().__init__(max_batch_size, params)
        self.jobs = jobs

    def sweep(self, arguments: list[str]) -> Any:
        """Checks all jobs, writes the plan into the folder of the sweep, and launches them."""
        from byzsgd.config.sweeps import checked, combinations, lines, skips
        from byzsgd.records import Plan, write_plan
        from byzsgd.records.plan import in_one_line

        loader, config = self.hydra_context.config_loader, self.config
        words = [*(f"{key}={value}" for key, value in (self.params or {}).items()), *arguments]
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(words)
        jobs = checked(loader, config, combinations(parsed, lines(self.jobs)))
        impossible = [job for job in jobs if job.impossible]
        kept = [job for job in jobs if not (skips(config) and job.impossible)]
        if impossible:
            left = "left out" if skips(config) else "that will fail (sweep.impossible=skip leaves them out)"
            print(f"{len(impossible)} of {len(jobs)} combinations are impossible, {left}: {impossible[0].impossible}")
        folder = Path(str(config.hydra.sweep.dir))
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(config, folder / "multirun.yaml")  # as Hydra's own sweeper does
        folders = {job.identity: job.folder for job in kept}
        lines_of_jobs = {in_one_line(job.overrides): job.identity for job in kept}
        write_plan(folder, Plan(folders, len(jobs) - len(kept), lines_of_jobs))
        return self._launched([list(job.overrides) for job in kept])

    def _launched(self, jobs: Sequence[Sequence[str]]) -> list[Any]:
        results, size = [], self.max_batch_size or max(len(jobs), 1)
        for first in range(0, len(jobs), size):
            results.append(self.launcher.launch(jobs[first : first + size], initial_job_idx=first))
        return results
