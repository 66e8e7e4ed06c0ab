"""Recorders take the rows of a run: one keeps them in memory, one writes them into a folder that survives a kill."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import polars as pl

from .done import done_of, is_finished
from .files import digest, sync, write_whole, writing
from .identity import prefix_id
from .names import ARRIVALS_FOLDER, CHECKPOINTS, CONFIG, DONE, ERROR, FORMAT, INFO, METRICS_FILE
from .parts import part_name, part_number, parts, read_part
from .plain import Info, to_json
from .reading import contents, require_inside, to_yaml
from .rows import ArrivalRows, Columns, Metric, metrics_frame, metrics_row, to_parquet
from .run import ENDED, Run, is_run, load, read_config, read_info

PART_ROWS = 65_536  # a part is closed here at the latest, so a run without checkpoints does not keep its rows in memory


@dataclass(frozen=True, slots=True)
class Offsets:
    """The length of a record. A checkpoint holds it, so that a resumed run goes on exactly behind these rows."""

    arrivals: int = 0  # rows
    parts: int = 0  # closed files
    metrics: int = 0  # bytes
    metrics_digest: str = digest(b"")  # of these bytes


class Recorder(Protocol):
    """Takes rows; never touches the simulation."""

    scores: tuple[str, ...]  # columns of `run.arrivals` beside the fixed ones

    def arrivals(self, block: Columns) -> None:
        """The next rows of `run.arrivals`."""

    def metrics(self, row: Mapping[str, object]) -> None:
        """One row of `run.metrics`: numbers or None by name; `step`, `time` and `arrivals` at least."""

    def flush(self, info: Mapping[str, object] | None = None) -> Offsets:
        """Adds these facts to the info, makes the record so far safe from a kill, and returns its length."""

    def close(self, info: Mapping[str, object]) -> None:
        """Adds these facts to the info and ends the record. After a `status` that is no result (failed, interrupted)
        the record stays unfinished."""

    def run(self) -> Run:
        """The record so far."""


def start(
    folder: Path | None,
    *,
    config: Mapping[str, object],
    choices: Mapping[str, str],
    info: Mapping[str, object],
    scores: Sequence[str],
) -> Recorder:
    """A new record in `folder`; in memory where that is None. It replaces an unfinished record, never a finished
    one."""
    if folder is None:
        return MemoryRecorder(config=config, choices=choices, info=info, scores=scores)
    return FolderRecorder.start(folder, config=config, choices=choices, info=info, scores=scores)


class MemoryRecorder:
    """Keeps the rows in memory."""

    def __init__(
        self,
        *,
        config: Mapping[str, object],
        choices: Mapping[str, str],
        info: Mapping[str, object],
        scores: Sequence[str],
    ) -> None:
        self.scores = tuple(scores)
        self._config = dict(config)
        self._choices = dict(choices)
        self._info = {**info, "scores": list(scores), "format": FORMAT}
        self._rows = ArrivalRows(scores, first=0)
        self._frames: list[pl.DataFrame] = []
        self._metrics: list[dict[str, Metric]] = []

    def arrivals(self, block: Columns) -> None:
        self._rows.add(block)
        if len(self._rows) >= PART_ROWS:
            self._frames.append(self._rows.take())

    def metrics(self, row: Mapping[str, object]) -> None:
        self._metrics.append(metrics_row(row))

    def flush(self, info: Mapping[str, object] | None = None) -> Offsets:
        self._info |= info or {}
        return Offsets(arrivals=self._rows.next)

    def close(self, info: Mapping[str, object]) -> None:
        self._info |= info

    def run(self) -> Run:
        arrivals = pl.concat([*self._frames, self._rows.frame()])
        return Run(metrics_frame(self._metrics), arrivals, self._config, self._choices, dict(self._info))


class FolderRecorder:
    """Writes arrivals as closed Parquet parts and metrics line by line; `DONE` comes last."""

    def __init__(self, folder: Path, info: Info, offsets: Offsets) -> None:
        self.folder = folder
        self._info = dict(info)
        self.scores = tuple(info["scores"])
        self._rows = ArrivalRows(self.scores, first=offsets.arrivals)
        self._parts = offsets.parts
        self._written = offsets.metrics
        self._hash = blake2b(contents(folder, METRICS_FILE)[: offsets.metrics], digest_size=8)

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        config: Mapping[str, object],
        choices: Mapping[str, str],
        info: Mapping[str, object],
        scores: Sequence[str],
    ) -> FolderRecorder:
        """Writes the files that a run folder has before the first arrival."""
        if is_finished(folder):
            raise ValueError(f"{folder} holds a finished run, which is never written over")
        require_inside(folder, ARRIVALS_FOLDER, CHECKPOINTS)
        with writing(folder):
            (folder / INFO).unlink(missing_ok=True)  # until it is written again, this is no run folder
            (folder / ERROR).unlink(missing_ok=True)
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
            shutil.rmtree(folder / ARRIVALS_FOLDER, ignore_errors=True)
            (folder / ARRIVALS_FOLDER).mkdir(parents=True)
        write_whole(folder / CONFIG, to_yaml(dict(config)))
        write_whole(folder / METRICS_FILE, b"")
        facts = {"status": "running", **info, "scores": list(scores), "format": FORMAT, "choices": dict(choices)}
        write_whole(folder / INFO, to_json(facts, indent=2).encode())
        return cls(folder, facts, Offsets())

    @classmethod
    def resume(cls, folder: Path, offsets: Offsets) -> FolderRecorder:
        """Goes on behind `offsets` and removes later rows. All checks come before any change: ValueError names the file
        that lacks something of the record up to there."""
        require_inside(folder, ARRIVALS_FOLDER, CHECKPOINTS)
        check_offsets(folder, offsets)
        for path in parts(folder / ARRIVALS_FOLDER)[offsets.parts :]:
            with writing(path):
                path.unlink()
        for path in (folder / ARRIVALS_FOLDER).glob("*.tmp"):
            with writing(path):
                path.unlink()
        with writing(folder / METRICS_FILE):
            os.truncate(folder / METRICS_FILE, offsets.metrics)
        with writing(folder / ERROR):
            (folder / ERROR).unlink(missing_ok=True)
        info = read_info(folder) | {"status": "running"}
        info.pop("reason", None)  # that of the earlier stop
        write_whole(folder / INFO, to_json(info, indent=2).encode())
        return cls(folder, info, offsets)

    def arrivals(self, block: Columns) -> None:
        self._rows.add(block)
        if len(self._rows) >= PART_ROWS:
            self._close_part()

    def metrics(self, row: Mapping[str, object]) -> None:
        line = to_json(metrics_row(row)).encode() + b"\n"
        # The file is opened for every line: evaluations are rare, and so a removed folder is noticed. The line is
        # written at its position: if a full disk left half of it, the next attempt overwrites that.
        with writing(self.folder / METRICS_FILE), (self.folder / METRICS_FILE).open("r+b") as file:
            file.seek(self._written)
            file.write(line)
        self._written += len(line)
        self._hash.update(line)

    def flush(self, info: Mapping[str, object] | None = None) -> Offsets:
        if info:
            self._info |= info
            self._write_info()
        self._close_part()
        with writing(self.folder / METRICS_FILE):
            sync(self.folder / METRICS_FILE)
        return Offsets(self._rows.next, self._parts, self._written, self._hash.hexdigest())

    def close(self, info: Mapping[str, object]) -> None:
        self.flush()
        self._info |= info
        self._write_info()
        if self._info["status"] in ENDED:
            prefix = prefix_id(read_config(self.folder))
            done = done_of(self.folder, metrics=self._hash.hexdigest(), prefix=prefix)
            write_whole(self.folder / DONE, done)

    def run(self) -> Run:
        self._close_part()
        return load(self.folder)

    def _write_info(self) -> None:
        write_whole(self.folder / INFO, to_json(self._info, indent=2).encode())

    def _close_part(self) -> None:
        if len(self._rows):
            content = to_parquet(self._rows.frame())
            write_whole(self.folder / ARRIVALS_FOLDER / part_name(self._parts, content), content)
            self._rows.take()
            self._parts += 1


def check_offsets(folder: Path, offsets: Offsets) -> None:
    """ValueError names the missing or damaged file of the record up to `offsets`."""
    if not is_run(folder):
        raise ValueError(f"{folder} is no run folder: {INFO} or {CONFIG} is missing")
    kept = parts(folder / ARRIVALS_FOLDER)[: offsets.parts]
    for number in range(offsets.parts):
        if number >= len(kept) or part_number(kept[number]) != number:
            raise ValueError(f"{folder / ARRIVALS_FOLDER} is damaged: part {number} is missing")
        read_part(kept[number])
    if digest(contents(folder, METRICS_FILE)[: offsets.metrics]) != offsets.metrics_digest:
        raise ValueError(f"{folder / METRICS_FILE} is damaged: it is not what the checkpoint saw")
