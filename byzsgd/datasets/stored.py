"""The files of a dataset: how they are fetched and read. Errors are ValueErrors of one line."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from byzsgd.checks import require
from byzsgd.sources import noted

T = TypeVar("T")
IMAGES, LABELS = 0x803, 0x801  # magic numbers of idx files of bytes with three dimensions and with one


def stored(
    who: str,
    root: Path | None,
    files: Sequence[str],
    download: bool,
    fetch: Callable[[Path], object],
    read: Callable[[Path], T],
) -> T:
    """Returns `read(root)`. With `download`, missing files are fetched first; ValueError where some are missing
    still."""
    missing = [name for name in files if root is None or not (root / name).is_file()]
    if missing and download and root is not None:
        root.mkdir(parents=True, exist_ok=True)
        try:
            fetch(root)
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{who} needs a download that succeeds; got {_line(error)}") from error
        missing = [name for name in files if not (root / name).is_file()]
    if root is None or missing:
        raise ValueError(
            f"{who} needs a data_root with the file {missing[0]}; got data_root={root or 'null'} (set data_root=FOLDER "
            "or BYZSGD_DATA; dataset.download=true fetches what is missing there)"
        )
    return read(root)


def read_idx(who: str, path: Path, magic: int) -> np.ndarray:
    """An idx file of bytes: (N, H, W) images or (N,) labels."""
    content = np.fromfile(noted(path), dtype=np.uint8)
    dimensions = magic & 0xFF
    header = 4 * (dimensions + 1)
    numbers = np.frombuffer(content[:header].tobytes()[: len(content) // 4 * 4], dtype=">u4")
    require(len(numbers) == dimensions + 1 and int(numbers[0]) == magic, who, "an idx file", file=path)
    shape = tuple(int(size) for size in numbers[1:])
    size = int(np.prod(shape, dtype=np.int64))
    require(
        len(content) == header + size, who, f"{header + size} bytes, as its header says", file=path, bytes=len(content)
    )
    return content[header:].reshape(shape)


def read_pickle(who: str, path: Path, *keys: str) -> list[Any]:
    """The entries with these keys of a pickled dict of arrays, bytes and lists. A pickle that could run code is
    refused."""
    try:
        with noted(path).open("rb") as file:
            entries = _ArrayUnpickler(file, encoding="latin1").load()
        return [entries[key] for key in keys]
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{who} needs a whole file with {', '.join(keys)}; got {path} ({type(error).__name__}: {_line(error)})"
        ) from error


class _ArrayUnpickler(pickle.Unpickler):
    """Builds arrays and nothing else, since a pickle may name any function."""

    def find_class(self, module: str, name: str) -> object:
        if (module.partition(".")[0] == "numpy" and name in ("_reconstruct", "ndarray", "dtype")) or (
            (module, name) == ("_codecs", "encode")
        ):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
