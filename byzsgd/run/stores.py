"""Where a run is stored while it goes on: in memory, or in a folder from which it can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol, TypedDict, Unpack

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
from byzsgd.records.plain import Config, Info
from byzsgd.run.engine_path import require_same_path
from byzsgd.run.update_study import Newest
from byzsgd.sources import Sources, changed


class Description(TypedDict):
    """What a record says of its run from its start on."""

    config: Config
    choices: Mapping[str, str]
    info: Info
    scores: Sequence[str]


class Store(Protocol):
    """Stores the records of one run, and perhaps its state."""

    lasting: ClassVar[bool]  # whether it outlives the process
    recorder: Recorder
    reason: str  # why the run ended, beside its status
    studied: Newest | None  # the state of a study, which checkpoints hold too

    def resume(self, params: Tensor, contexts: Mapping[type, object]) -> World | None:
        """The stored state, with `params` as its live model and these contexts; None: there is none, so the run starts
        from its beginning."""

    def checkpoint(self, world: World, seconds: float) -> None:
        """Makes everything up to here safe from a kill."""

    def mark(self) -> None:
        """Notes the length of the record when the budget is spent: a run with a larger budget has the same rows up to
        here."""

    def interrupt(self, status: str, world: World | None, seconds: float) -> None:
        """Stores a run that stops before its end (interrupted, failed). `world`: the state from which it can go on;
        None: it cannot go on from here."""

    def close(self, status: str, world: World, params: Tensor, nodes: Tensor | None, seconds: float) -> Run:
        """Stores a run that has ended, and returns it. `params` (d,): its model; `nodes` (n, d): those of its nodes, if
        each has one; `world`: the state from which a longer run goes on."""


class MemoryStore:
    """Keeps a run in memory. It ends with the process."""

    lasting: ClassVar[bool] = False

    def __init__(self, **description: Unpack[Description]) -> None:
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
    """Keeps a run in its folder, with checkpoints beside the records. A run that was cut off goes on to the same
    bits."""

    lasting: ClassVar[bool] = True

    def __init__(
        self,
        folder: Path,
        *,
        plugins: Sequence[str],
        say: Callable[[str], None],
        keep_state: float,  # bytes
        **description: Unpack[Description],
    ) -> None:
        self.folder, self.plugins, self.say, self.keep_state = folder, plugins, say, keep_state
        self.description = description
        self.reason = ""
        self.studied: Newest | None = None
        self.end: Offsets | None = None  # the length of the record that a longer run shares
        self.before = 0.0  # wall time of earlier processes on this run
        self.recorder: Recorder

    def resume(self, params: Tensor, contexts: Mapping[type, object]) -> World | None:
        newest, damaged = latest_checkpoint(self.folder, contexts, self.plugins, params.device)
        if newest is None and damaged:
            way_out = f"{self.folder} starts again when its {CHECKPOINTS} are removed"
            raise ValueError(f"{damaged[0]}; no checkpoint is left to go on from, {way_out}")
        if newest is None:
            self.recorder = start(self.folder, **self.description)
            return None
        info = read_info(self.folder)
        require_same_path(self.folder, str(info.get("engine")), str(self.description["info"]["engine"]))
        for line in damaged:
            self.say(f"{line}; the checkpoint before it is used")
        require_same_files(self.folder, newest.tree.get("files"), self.description["info"]["files"])
        world: World = newest.tree["state"]
        self.studied = newest.tree["studied"]
        params.copy_(world.models.live[0])
        world.models.live[0] = params
        self.recorder = FolderRecorder.resume(self.folder, newest.offsets)
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

    def _tree(self, world: World) -> dict[str, object]:
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
        # The record is completed first: without DONE, a run would be resumed from this state, beyond its own end.
        if status == "finished" and self.end is not None:
            tree = {"state": world, "studied": self.studied}
            keep_last(self.folder, world.arrivals, tree, self.end, self.keep_state)
        else:
            drop_checkpoints(self.folder)
        return self.recorder.run()


class OtherFiles(ValueError):
    """The files that a run reads have changed since its start."""


def require_same_files(folder: Path, before: Sources | None, now: Sources) -> None:
    """OtherFiles where the files of a run have changed since its start. `before`: None in runs of version 0.1, which
    did not record them."""
    if before is not None and (difference := changed(before, now)):
        needs = f"{folder} needs the data that it was started with"
        raise OtherFiles(f"{needs}; got {difference} (force=true starts beside it)")


def require_same_start(folder: Path, path: str, files: Sources) -> None:
    """OtherPath or OtherFiles where a finished run began on another path, or with other files, than those of now."""
    info = read_info(folder)
    require_same_path(folder, str(info.get("engine")), path)
    require_same_files(folder, info.get("files"), files)


def _ended(status: str, reason: str, seconds: float) -> dict[str, object]:
    return {"status": status, "wall_time": seconds, **({"reason": reason} if reason else {})}
