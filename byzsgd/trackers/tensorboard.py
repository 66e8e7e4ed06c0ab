from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from byzsgd.checks import require
from byzsgd.interfaces import Tracked

from .packages import require_package


@dataclass(frozen=True, kw_only=True)
class TensorBoard:
    """Event files for TensorBoard: one scalar per metric, over arrivals.

    They go to `folder`/name of the run, or where that is null to `tensorboard/` in the run's own folder.
    """

    folder: str | None
    client: Callable[..., Any] | None = None  # what torch.utils.tensorboard.SummaryWriter is

    def __post_init__(self) -> None:
        if self.client is None:
            require_package("tensorboard")

    def open(self, run: Tracked) -> _Scalars:
        """Nothing is written before the first row, which says from where on earlier rows are replaced."""
        place = Path(self.folder).expanduser() / run.name if self.folder is not None else run.folder
        require(place is not None, "tracker tensorboard", "tracker.folder where a run has no folder", folder=place)
        assert place is not None
        place = place if self.folder is not None else place / "tensorboard"
        return _Scalars(lambda first: self._writer()(log_dir=str(place), purge_step=first))

    def _writer(self) -> Callable[..., Any]:
        if self.client is not None:
            return self.client
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter


class _Scalars:
    def __init__(self, start: Callable[[int], Any]) -> None:
        self._start = start
        self._writer: Any = None

    def write(self, row: Mapping[str, float]) -> None:
        step = int(row["arrivals"])
        if self._writer is None:
            self._writer = self._start(step)
        for name, value in row.items():
            if name != "arrivals":
                self._writer.add_scalar(name, value, global_step=step)
        self._writer.flush()

    def close(self, status: str) -> None:
        if self._writer is not None:
            self._writer.add_text("status", status)
            self._writer.close()
