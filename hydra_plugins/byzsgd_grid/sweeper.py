"""`-m`, in the place of Hydra's own sweeper: all combinations are composed and checked before the first job.

No postponed annotations here: Hydra loads its plugins outside of sys.modules, where a dataclass cannot look them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf


@dataclass
class GridConf:
    """Those of Hydra's own."""

    _target_: str = "hydra_plugins.byzsgd_grid.sweeper.GridSweeper"
    max_batch_size: int | None = None
    params: dict[str, str] | None = field(default_factory=dict)


ConfigStore.instance().store(group="hydra/sweeper", name="basic", node=GridConf, provider="byzsgd_grid")


class GridSweeper(BasicSweeper):
    """Every combination of the values."""

    def sweep(self, arguments: list[str]) -> Any:
        """Checks all jobs, writes the plan into the folder of the sweep, and launches them."""
        from byzsgd.config.sweeps import checked, skips
        from byzsgd.records import Plan, write_plan

        loader, config = self.hydra_context.config_loader, self.config
        words = [*(f"{key}={value}" for key, value in (self.params or {}).items()), *arguments]
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(words)
        (everything,) = self.split_arguments(parsed, max_batch_size=None)
        jobs = checked(loader, config, everything)
        impossible = [job for job in jobs if job.impossible]
        kept = [job for job in jobs if not (skips(config) and job.impossible)]
        if impossible:
            left = "left out" if skips(config) else "that will fail (sweep.impossible=skip leaves them out)"
            print(f"{len(impossible)} of {len(jobs)} combinations are impossible, {left}: {impossible[0].impossible}")
        folder = Path(str(config.hydra.sweep.dir))
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(config, folder / "multirun.yaml")  # Hydra's note of the command
        write_plan(folder, Plan({job.identity: job.folder for job in kept}, len(jobs) - len(kept)))
        return self._launched([list(job.overrides) for job in kept])

    def _launched(self, jobs: Sequence[Sequence[str]]) -> list[Any]:
        found, size = [], self.max_batch_size or max(len(jobs), 1)
        for first in range(0, len(jobs), size):
            found.append(self.launcher.launch(jobs[first : first + size], initial_job_idx=first))
        return found
