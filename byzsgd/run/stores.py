"""Where a run is kept while it goes on: in memory, or in a folder from which it can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from torch import Tensor

from byzsgd.kernel.world import World
from byzsgd.records import FolderRecorder, Offsets, Recorder, Run, read_info, start
from byzsgd.records.checkpoints import (
    NODES,
    drop_checkpoints,
    keep_last,
    latest_checkpoint,
    save_checkpoint,
    save_params,
)
from byzsgd.records.names import CHECKPOINTS
from byzsgd.run.path import require_same_path
from byzsgd.run.study import Newest
from byzsgd.sources import Sources, changed


class Store(Protocol):
    """Keeps the records, and perhaps the state, of one run."""

    lasting: ClassVar[bool]  # whether anything of it outlives the process
    recorder: Recorder
    reason: str  # why the run ended, where its status does not say it all
    studied: Newest | None  # what a study remembers, kept in checkpoints beside the state

    def resume(self, params: Tensor, contexts: Mapping[type, object]) -> World | None:
        """The state to go on from, with `params` as its live model and the contexts that are around it; None: start
        afresh."""

    def checkpoint(self, world: World, seconds: float) -> None:
        """Everything up to here is safe from a kill."""

    def mark(self) -> None:
        """The budget is spent: the rows so far are also those of a run with a larger one."""

    def interrupt(self, status: str, world: World | None, seconds: float) -> None:
        """The run stops before its end (interrupted, failed); from `world` it could go on."""

    def close(self, status: str, world: World, params: Tensor, nodes: Tensor | None, seconds: float) -> Run:
        """The run has ended with this model (d,); `nodes` (n, d): those of its nodes, where each has its own. `world`:
        the state from which a longer run goes on."""


class MemoryStore:
    """Nothing survives the process."""

    lasting: ClassVar[bool] = False

    def __init__(self, **description: Any) -> None:
        self.recorder: Recorder = start(None, **description)
        self.reason = ""
        self.studied: Newest | None = None

    def resume(self, params: Tensor, contexts: Mapping[type, object]) -> None:
        return None

    def checkpoint(self, world: World, seconds: float) -> None:
        """Nothing to do."""

    def mark(self) -> None:
        """Nothing to do."""

    def interrupt(self, status: str, world: World | None, seconds: float) -> None:
        """Nothing to do."""

    def close(self, status: str, world: World, params: Tensor, nodes: Tensor | None, seconds: float) -> Run:
        self.recorder.close(_ended(status, self.reason, seconds))
        return self.recorder.run()


class FolderStore:
    """A run folder: checkpoints beside the records, so that a run that was cut off goes on as if it had not been."""

    lasting: ClassVar[bool] = True

    def __init__(
        self,
        folder: Path,
        *,
        plugins: Sequence[str],
        say: Callable[[str], None],
        keep_state: float,  # bytes
        **description: Any,
    ) -> None:
        self.folder, self.plugins, self.say, self.keep_state = folder, plugins, say, keep_state
        self.description = description
        self.reason = ""
        self.studied: Newest | None = None
        self.end: Offsets | None = None  # of the rows that a longer run has too
        self.before = 0.0  # wall time of earlier processes on this run
        self.recorder: Recorder

    def resume(self, params: Tensor, contexts: Mapping[type, object]) -> World | None:
        found, damaged = latest_checkpoint(self.folder, contexts, self.plugins, params.device)
        if found is None and damaged:
            way_out = f"{self.folder} starts again when its {CHECKPOINTS} are removed"
            raise ValueError(f"{damaged[0]}; no checkpoint is left to go on from, {way_out}")
        if found is None:
            self.recorder = start(self.folder, **self.description)
            return None
        info = read_info(self.folder)
        require_same_path(self.folder, str(info.get("engine")), str(self.description["info"]["engine"]))
        for line in damaged:
            self.say(f"{line}; the checkpoint before it is used")
        require_same_files(self.folder, found.tree.get("files"), self.description["info"]["files"])
        world: World = found.tree["state"]
        self.studied = found.tree["studied"]
        params.copy_(world.models.live[0])
        world.models.live[0] = params
        self.recorder = FolderRecorder.resume(self.folder, found.offsets)
        self.before = float(info.get("wall_time") or 0.0)
        shorter, ended = info.get("extends", ("", -1))
        if ended == world.arrivals:
            self.say(f"{self.folder} goes on where {shorter} ended, after {ended} arrivals")
        else:
            self.say(f"resumed {self.folder} after {world.arrivals} arrivals")
        return world

    def checkpoint(self, world: World, seconds: float) -> None:
        offsets = self.recorder.flush({"wall_time": self.before + seconds})
        save_checkpoint(self.folder, world.arrivals, self._tree(world), offsets)

    def _tree(self, world: World) -> dict[str, Any]:
        return {"state": world, "studied": self.studied, "files": self.description["info"]["files"]}

    def interrupt(self, status: str, world: World | None, seconds: float) -> None:
        if world is not None:
            self.checkpoint(world, seconds)
        self.recorder.close(_ended(status, self.reason, self.before + seconds))

    def mark(self) -> None:
        self.end = self.recorder.flush()

    def close(self, status: str, world: World, params: Tensor, nodes: Tensor | None, seconds: float) -> Run:
        save_params(self.folder, params)
        if nodes is not None:
            save_params(self.folder, nodes, NODES)
        self.recorder.close(_ended(status, self.reason, self.before + seconds))
        # After the record is whole: until then this state would be taken for one to go on from within the budget.
        if status == "finished" and self.end is not None:
            tree = {"state": world, "studied": self.studied}
            keep_last(self.folder, world.arrivals, tree, self.end, self.keep_state)
        else:
            drop_checkpoints(self.folder)
        return self.recorder.run()


class OtherFiles(ValueError):
    """The files that a run rests on are not those that it was started with."""


def require_same_files(folder: Path, before: Sources | None, now: Sources) -> None:
    """OtherFiles where the files that a run was started with are others now; None: version 0.1 did not note them."""
    if before is not None and (difference := changed(before, now)):
        needs = f"{folder} needs the data that it was started with"
        raise OtherFiles(f"{needs}; got {difference} (force=true starts beside it)")


def require_same_start(folder: Path, path: str, files: Sources) -> None:
    """OtherPath or OtherFiles where a finished run was started with another path or other files than those of now."""
    info = read_info(folder)
    require_same_path(folder, str(info.get("engine")), path)
    require_same_files(folder, info.get("files"), files)


def _ended(status: str, reason: str, seconds: float) -> dict[str, Any]:
    return {"status": status, "wall_time": seconds, **({"reason": reason} if reason else {})}
