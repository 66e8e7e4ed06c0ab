from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from byzsgd.checks import require
from byzsgd.interfaces import Tracked

from .packages import require_package


class Writer(Protocol):
    """What is called of a SummaryWriter."""

    def add_scalar(self, tag: str, scalar_value: float, *, global_step: int) -> object: ...

    def add_text(self, tag: str, text_string: str) -> object: ...

    def flush(self) -> object: ...

    def close(self) -> object: ...


@dataclass(frozen=True, kw_only=True)
class TensorBoard:
    """Event files for TensorBoard: one scalar per metric, over arrivals.

    They are written to `folder`/name of the run; with `folder` null, to `tensorboard/` in the folder of the run.
    """

    folder: str | None
    client: Callable[..., Writer] | None = None  # in place of torch.utils.tensorboard.SummaryWriter

    def __post_init__(self) -> None:
        if self.client is None:
            require_package("tensorboard")

    def open(self, run: Tracked) -> _Scalars:
        """The sink of a run. It creates its file with the first row; older rows from that step on are replaced."""
        folder = Path(self.folder).expanduser() / run.name if self.folder is not None else run.folder
        require(folder is not None, "tracker tensorboard", "tracker.folder where a run has no folder", folder=folder)
        assert folder is not None
        folder = folder if self.folder is not None else folder / "tensorboard"
        return _Scalars(lambda first: self._writer()(log_dir=str(folder), purge_step=first))

    def _writer(self) -> Callable[..., Writer]:
        if self.client is not None:
            return self.client
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter


class _Scalars:
    def __init__(self, start: Callable[[int], Writer]) -> None:
        self._start = start
        self._writer: Writer | None = None

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
