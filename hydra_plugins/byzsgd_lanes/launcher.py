"""`hydra/launcher=lanes`: the jobs of a sweep one after another in one process.

No postponed annotations here: Hydra loads its plugins outside of sys.modules, where a dataclass cannot look them up.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from hydra._internal.core_plugins import basic_launcher
from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn


@dataclass
class LanesConf:
    """It has no settings."""

    _target_: str = "hydra_plugins.byzsgd_lanes.launcher.LanesLauncher"


ConfigStore.instance().store(group="hydra/launcher", name="lanes", node=LanesConf, provider="byzsgd_lanes")


class LanesLauncher(basic_launcher.BasicLauncher):
    """Hydra's own launcher, kept under this name. Earlier `lanes` advanced all runs together, without gain on a CPU."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        if "_target_" not in self.config:
            raise ValueError(
                "hydra/launcher=lanes needs an experiment of byzsgd, whose launcher it is; got another application"
            )
        print("byzsgd: hydra/launcher=lanes runs one after another in one process", file=sys.stderr)
        return super().launch(job_overrides, initial_job_idx)
