"""`hydra/launcher=lanes`: all jobs of a sweep in one process, their simulations side by side.

No postponed annotations here: Hydra loads its plugins outside of sys.modules, where a dataclass cannot look them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


@dataclass
class LanesConf:
    """Nothing to set: which jobs share the calls of an engine follows from what they are."""

    _target_: str = "hydra_plugins.byzsgd_lanes.launcher.LanesLauncher"


ConfigStore.instance().store(group="hydra/launcher", name="lanes", node=LanesConf, provider="byzsgd_lanes")


class LanesLauncher(Launcher):
    """Composes the jobs one after another as Hydra's own launcher does, then advances them together.

    It only works for jobs that say how: with the attributes `lane` (a composed job -> a run that has not begun) and
    `abreast` (many of those -> what they return), as those of `byzsgd train` do.
    """

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        job: Any = self.task_function
        composed = [
            self._composed(job.lane, list(overrides), initial_job_idx + number)
            for number, overrides in enumerate(job_overrides)
        ]
        for returned, value in zip(composed, job.abreast([each.return_value for each in composed]), strict=True):
            returned.return_value = value
            returned.status = JobStatus.COMPLETED
        return composed

    def _composed(self, lane: TaskFunction, overrides: list[str], number: int) -> JobReturn:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            config.hydra.job.id = number
            config.hydra.job.num = number
        return run_job(
            hydra_context=self.hydra_context,
            task_function=lane,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
