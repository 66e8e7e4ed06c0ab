"""`hydra/launcher=ray`: every job of a sweep is a task of a Ray cluster, or of the cores of this machine.

No postponed annotations here: Hydra loads its plugins outside of sys.modules, where a dataclass cannot look them up.
"""

import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict


@dataclass
class RayConf:
    """The settings of the launcher: `init` is passed to ray.init, the others are the resources of one job."""

    _target_: str = "hydra_plugins.byzsgd_ray.launcher.RayLauncher"
    address: str | None = None  # that of a cluster: auto, ray://HOST:10001; null: the cores of this machine
    num_cpus: float = 1.0
    num_gpus: float = 0.0
    max_retries: int = 3  # new starts of a job whose worker dies: it goes on from its last checkpoint
    init: dict[str, Any] = field(default_factory=dict)


ConfigStore.instance().store(group="hydra/launcher", name="ray", node=RayConf, provider="byzsgd_ray")


class RayLauncher(Launcher):
    """Composes the jobs in this process and runs them on the cluster. All machines must share the folder of the
    sweep."""

    def __init__(
        self,
        address: str | None,
        num_cpus: float,
        num_gpus: float,
        max_retries: int,
        init: dict[str, Any],
    ) -> None:
        self.address, self.init = address, init
        self.needs = {"num_cpus": num_cpus, "num_gpus": num_gpus, "max_retries": max_retries}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        if "_target_" not in self.config:
            raise ValueError(
                "hydra/launcher=ray needs an experiment of byzsgd, whose launcher it is; got another application"
            )
        ray = self._connected()
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        sweep_folder = Path(str(self.config.hydra.sweep.dir)).absolute()  # workers have a working folder of their own
        sweep_folder.mkdir(parents=True, exist_ok=True)
        try:
            task = ray.remote(**self.needs)(_job)
            shared = [ray.put(each) for each in (self.hydra_context, self.task_function, Singleton.get_state())]
            composed = [self._composed(job, sweep_folder, initial_job_idx + i) for i, job in enumerate(job_overrides)]
            handles = [task.remote(config, *shared) for config in composed]
            left = list(handles)
            while left:  # prints the lines of each job when it ends
                ended, left = ray.wait(left)
                _tell(ray, ended[0])
            return [_returned(ray, *pair) for pair in zip(handles, composed, strict=True)]
        finally:
            ray.shutdown()

    def _connected(self) -> Any:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports no statistics
        if self.address is None:
            # Ray executes code from every client of its ports. So they are those of 127.0.0.1, and need a token.
            os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
            os.environ["RAY_AUTH_TOKEN"] = os.environ.get("RAY_AUTH_TOKEN") or secrets.token_hex(32)
        try:
            import ray
        except ModuleNotFoundError as error:
            raise ValueError("hydra/launcher=ray needs the package ray (pip install 'byzsgd[ray]')") from error
        own = {} if self.address else {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        init = OmegaConf.to_container(self.init) if OmegaConf.is_config(self.init) else self.init
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            ray.init(**{"address": self.address or "local", **quiet, **own, **init})
        except Exception as error:  # Ray's own are of no narrower class
            line = (str(error).split("\n")[0] or type(error).__name__).rstrip(".")
            raise ValueError(
                f"hydra/launcher=ray needs a Ray that starts; got address={self.address or 'local'} ({line})"
            ) from error
        return ray

    def _composed(self, overrides: Sequence[str], sweep_folder: Path, number: int) -> DictConfig:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id = f"job_{number}"
            config.hydra.job.num = number
            config.hydra.sweep.dir = str(sweep_folder)
        return config


def _job(
    config: DictConfig, context: HydraContext, function: TaskFunction, singletons: Any
) -> tuple[JobReturn, str, str]:
    """The return value of a job, and its stdout and stderr."""
    setup_globals()
    Singleton.set_state(singletons)
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        returned = run_job(
            hydra_context=context,
            task_function=function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
    return returned, out.getvalue(), err.getvalue()


def _tell(ray: Any, handle: Any) -> None:
    try:
        _, out, err = ray.get(handle)
    except ray.exceptions.RayError:  # `_returned` handles it
        return
    sys.stdout.write(out)
    sys.stdout.flush()
    sys.stderr.write(err)


def _returned(ray: Any, handle: Any, config: DictConfig) -> JobReturn:
    try:
        returned: JobReturn = ray.get(handle)[0]
    except ray.exceptions.RayError:
        # Its worker died too often. The other jobs go on, and the closing table shows this run as broken.
        returned = JobReturn(overrides=list(config.hydra.overrides.task), cfg=config, status=JobStatus.COMPLETED)
    return returned
