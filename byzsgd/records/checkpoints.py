"""Checkpoints: the state of a run at one moment, in one file. The name of the file holds its checksum.

The format is safetensors: the tensors, and in the metadata the structure around them as JSON (see `tree_format`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypedDict

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

KEPT = 2  # checkpoints of a run: if the newest is damaged, the one before it is used
FORM = 2  # the format of checkpoints; that of the records is `names.FORMAT`
_WRITER = " (format 1 is that of version 0.1)"

_NAME = re.compile(r"(\d{12})-([0-9a-f]{16})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """A moment from which a run can be resumed."""

    path: Path
    number: int  # arrivals before it
    tree: Any  # the state, as `save_checkpoint` took it
    offsets: Offsets  # the length of the records at that moment


class _Document(TypedDict):
    """What a checkpoint holds beside its tensors."""

    format: int
    number: int  # arrivals before it
    offsets: dict[str, Any]  # of `Offsets`
    tree: object  # the JSON of `tree_format.encode`


def save_checkpoint(folder: Path, number: int, tree: object, offsets: Offsets) -> Path:
    """Writes a checkpoint into a run folder, keeps the newest two and returns the path. Contexts are not saved:
    `read_checkpoint` takes them as `outside`. The same state gives the same bytes."""
    return _write(folder, number, *encode(tree), offsets)


def _write(folder: Path, number: int, node: object, tensors: dict[str, Tensor], offsets: Offsets) -> Path:
    document: _Document = {"format": FORM, "number": number, "offsets": asdict(offsets), "tree": node}
    metadata = {"byzsgd": json.dumps(document, allow_nan=False, separators=(",", ":"))}

    def write(temporary: Path) -> Path:
        temporary.touch()
        mode = temporary.stat().st_mode
        try:
            # Straight from where the tensors lie: a state may take half of the memory that there is.
            save_file(tensors, temporary, metadata)
        except SafetensorError as error:
            raise OSError(str(error)) from error
        temporary.chmod(mode)  # `save_file` lets nobody else read it
        return temporary.with_name(f"{number:012d}-{digest_of_file(temporary)}.safetensors")

    directory = folder / CHECKPOINTS
    with writing(directory):
        directory.mkdir(exist_ok=True)
    path = write_named(directory / f"{number:012d}.safetensors", write)
    _keep(folder, path, KEPT)
    return path


def keep_last(folder: Path, number: int, tree: object, offsets: Offsets, most: float) -> None:
    """For a run that has ended: replaces its checkpoints by its last state. If that has more than `most` bytes, the
    folder keeps none."""
    node, tensors = encode(tree)
    if _bytes(tensors) <= most:
        path = _write(folder, number, node, tensors, offsets)
        if path.stat().st_size <= most:
            _keep(folder, path, 1)
            return
    drop_checkpoints(folder)


def size_of(tree: object) -> int:
    """Bytes that the tensors of a state take in a checkpoint."""
    return _bytes(encode(tree)[1])


def _bytes(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())


def _keep(folder: Path, path: Path, count: int) -> None:
    """Removes all but this checkpoint and the newest others, `count` in all."""
    older = [other for other in checkpoints(folder) if other != path]
    with writing(path.parent):
        for other in older[count - 1 :]:
            other.unlink()


def read_position(path: Path) -> tuple[int, Offsets]:
    """The arrivals before a checkpoint, and the length of the records then; ValueError when it cannot be read."""
    try:
        document = _document(path)
        return int(document["number"]), _offsets(document)
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be used: it does not hold what a checkpoint holds") from error


def _folder_and_name(path: Path) -> tuple[Path, Path]:
    """The run folder of a checkpoint, and its name there."""
    return path.parents[1], Path(path.parent.name) / path.name


def _document(path: Path) -> _Document:
    with safe_open(regular(*_folder_and_name(path)), framework="pt") as file:
        document: _Document = json.loads(file.metadata()["byzsgd"])
        return document


def _offsets(document: _Document) -> Offsets:
    offsets = Offsets(**document["offsets"])
    if not all(type(getattr(offsets, each.name)) is type(each.default) for each in fields(offsets)):
        raise TypeError("offsets are counts and a digest")
    return offsets


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run folder, newest first."""
    directory = folder / CHECKPOINTS
    paths = [path for path in directory.iterdir() if _NAME.fullmatch(path.name)] if directory.is_dir() else []
    return sorted(paths, reverse=True)


def latest_checkpoint(
    folder: Path,
    outside: Mapping[type, object],
    plugins: Sequence[str] = (),
    device: torch.device | str | None = None,
) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """The newest checkpoint from which this run can go on, and one line for every newer one that cannot be used: it is
    damaged, or its records are. None: the run starts again."""
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
    """Reads one checkpoint and executes nothing from it. ValueError of one line when the file is damaged or names a
    type that is not allowed."""
    match = _NAME.fullmatch(path.name)
    content = contents(*_folder_and_name(path))
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
    """For a run that has ended and cannot be extended: its parameters stand in a file of their own."""
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
