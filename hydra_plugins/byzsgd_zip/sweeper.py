"""`-m`: all combinations, but for sweeps that carry the same tag, which go on together; and for each line of a file.

No postponed annotations here: Hydra loads its plugins outside of sys.modules, where a dataclass cannot look them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override

from byzsgd.config.sweeps import alike, combinations, lines


@dataclass
class ZipSweeperConf:
    """Hydra's own settings, and a file of jobs."""

    _target_: str = "hydra_plugins.byzsgd_zip.sweeper.ZipSweeper"
    max_batch_size: int | None = None  # jobs that are handed to the launcher together
    params: dict[str, str] | None = None
    jobs: str | None = None  # a file: overrides on every line, each line with every combination


# In place of Hydra's own, so that an experiment needs no other sweeper to zip.
ConfigStore.instance().store(group="hydra/sweeper", name="basic", node=ZipSweeperConf, provider="byzsgd_zip")


class ZipSweeper(BasicSweeper):
    """Hydra's sweeper with another idea of which jobs there are."""

    def __init__(
        self, max_batch_size: int | None, params: dict[str, str] | None = None, jobs: str | None = None
    ) -> None:
        super().__init__(max_batch_size, params)
        self.jobs = jobs

    def split_arguments(self, overrides: list[Override], max_batch_size: int | None) -> list[list[list[str]]]:
        """The jobs in batches."""
        made = combinations(overrides, lines(self.jobs))
        return [list(batch) for batch in self.split_overrides_to_chunks(made, max_batch_size)]

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Composes one job of each kind, not all of them: a composition takes a fifth of a second."""
        super().validate_batch_is_legal(alike(batch))
