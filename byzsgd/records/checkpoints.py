"""Checkpoints: the whole state at one moment in one file, written whole, its checksum in its name.

A file is safetensors: the tensors, and the structure that holds them as JSON in its metadata (see `tree_format`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from safetensors.torch import save_file
from torch import Tensor

from .done import read_done, require_unchanged
from .files import digest, digest_of_file, write_named, write_whole, writing
from .names import CHECKPOINTS
from .names import NODES as NODES
from .names import PARAMS as PARAMS
from .reading import contents, regular
from .recorder import Offsets, check_offsets
from .tree_format import decode, encode

KEPT = 2  # the newest ones: if the newest is damaged, the one before it is used
FORM = 2  # of checkpoints; the records beside them have their own number
_WRITER = " (format 1 is that of version 0.1)"

_NAME = re.compile(r"(\d{12})-([0-9a-f]{16})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """A moment to go on from."""

    path: Path
    number: int  # arrivals before it
    tree: Any  # as it was given to `save_checkpoint`
    offsets: Offsets  # how far the records go


def save_checkpoint(folder: Path, number: int, tree: Any, offsets: Offsets) -> Path:
    """Writes the checkpoint of a run folder and keeps the newest two. Contexts are not saved: reading is given them.
    The same state gives the same bytes."""
    node, tensors = encode(tree)
    document = {"format": FORM, "number": number, "offsets": asdict(offsets), "tree": node}
    metadata = {"byzsgd": json.dumps(document, allow_nan=False, separators=(",", ":"))}

    def write(temporary: Path) -> Path:
        temporary.touch()
        mode = temporary.stat().st_mode
        try:
            # Straight from where the tensors lie: a state may take half of the memory that there is.
            save_file(tensors, temporary, metadata)
        except SafetensorError as error:
            raise OSError(str(error)) from error
        temporary.chmod(mode)  # it had let nobody else read
        return temporary.with_name(f"{number:012d}-{digest_of_file(temporary)}.safetensors")

    place = folder / CHECKPOINTS
    with writing(place):
        place.mkdir(exist_ok=True)
    path = write_named(place / f"{number:012d}.safetensors", write)
    _keep(folder, path, KEPT)
    return path


def keep_last(folder: Path, number: int, tree: Any, offsets: Offsets, most: float) -> None:
    """Of a run that has ended: leaves its last state alone in the folder, if that has at most `most` bytes."""
    if size_of(tree) <= most:
        path = save_checkpoint(folder, number, tree, offsets)
        if path.stat().st_size <= most:
            _keep(folder, path, 1)
            return
    drop_checkpoints(folder)


def size_of(tree: Any) -> int:
    """Bytes that the tensors of a state take in a checkpoint."""
    return sum(tensor.nbytes for tensor in encode(tree)[1].values())


def _keep(folder: Path, path: Path, count: int) -> None:
    """Removes all but this checkpoint and the newest others, `count` in all."""
    older = [other for other in checkpoints(folder) if other != path]
    with writing(path.parent):
        for other in older[count - 1 :]:
            other.unlink()


def read_position(path: Path) -> tuple[int, Offsets]:
    """Of a checkpoint: the arrivals before it, and how far the records go; ValueError when it cannot be read."""
    try:
        document = _document(path)
        return int(document["number"]), _offsets(document)
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be used: it does not hold what a checkpoint holds") from error


def _place(path: Path) -> tuple[Path, Path]:
    """The run folder of a checkpoint, and its name there."""
    return path.parents[1], Path(path.parent.name) / path.name


def _document(path: Path) -> Any:
    with safe_open(regular(*_place(path)), framework="pt") as file:
        return json.loads(file.metadata()["byzsgd"])


def _offsets(document: Any) -> Offsets:
    found = Offsets(**document["offsets"])
    if not all(type(getattr(found, each.name)) is type(each.default) for each in fields(found)):
        raise TypeError("offsets are counts and a digest")
    return found


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run folder, newest first."""
    place = folder / CHECKPOINTS
    found = [path for path in place.iterdir() if _NAME.fullmatch(path.name)] if place.is_dir() else []
    return sorted(found, reverse=True)


def latest_checkpoint(
    folder: Path,
    outside: Mapping[type, object],
    plugins: Sequence[str] = (),
    device: torch.device | str | None = None,
) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """The newest checkpoint from which this run can go on, and one line for every newer one that is damaged or whose
    records are. None: start again."""
    skipped = []
    for path in checkpoints(folder):
        try:
            checkpoint = read_checkpoint(path, outside, plugins, device)
            check_offsets(folder, checkpoint.offsets)
        except ValueError as error:
            skipped.append(str(error))
            continue
        return checkpoint, tuple(skipped)
    return None, tuple(skipped)


def read_checkpoint(
    path: Path,
    outside: Mapping[type, object],
    plugins: Sequence[str] = (),
    device: torch.device | str | None = None,
) -> Checkpoint:
    """ValueError of one line when the file is damaged or names a type that it may not; executes nothing it brings."""
    match = _NAME.fullmatch(path.name)
    content = contents(*_place(path))
    if match is None or digest(content) != match[2]:
        raise ValueError(f"{path} is damaged: its bytes do not match the checksum in its name")
    try:
        document = _document(path)
        if document["format"] != FORM:
            raise ValueError(f"it has format {document['format']}, this version goes on from format {FORM}{_WRITER}")
        tree = decode(document["tree"], load_tensors(content), outside, plugins, device)
        return Checkpoint(path, document["number"], tree, _offsets(document))
    except ValueError as error:
        raise ValueError(f"{path} cannot be used: {error}") from error
    except (SafetensorError, LookupError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise ValueError(f"{path} cannot be used: it does not hold what a checkpoint holds") from error


def drop_checkpoints(folder: Path) -> None:
    """For a run that has ended and cannot be extended: its parameters are saved by themselves."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


def save_params(folder: Path, params: Tensor, name: str = PARAMS) -> None:
    """The model of a run, (d,), as `params.safetensors`; those of all its nodes, (n, d), as `nodes.safetensors`."""
    write_whole(folder / name, save_tensors({"params": params.detach().cpu().contiguous()}))


def load_params(folder: str | Path, name: str = PARAMS) -> Tensor:
    """The (d,) model that a run ended with; with `nodes.safetensors` those of all its nodes, (n, d)."""
    folder = Path(folder)
    content = contents(folder, name)
    require_unchanged(folder, name, read_done(folder), content)
    try:
        return load_tensors(content)["params"]
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{folder / name} is damaged: it holds no parameters") from error
