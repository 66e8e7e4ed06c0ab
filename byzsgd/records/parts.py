"""The parts of `arrivals/`: closed files, each with its number and the checksum of its bytes in its name."""

from __future__ import annotations

import re
from pathlib import Path

from .files import digest
from .reading import contents

_PART = re.compile(r"part-(\d{5,})-([0-9a-f]{16})\.parquet")


def parts(folder: Path) -> list[Path]:
    """The closed parts of `arrivals/`, in order. A part that is being written has another suffix."""
    paths = [path for path in folder.iterdir() if _PART.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(paths, key=part_number)


def part_number(path: Path) -> int:
    match = _PART.fullmatch(path.name)
    assert match is not None
    return int(match[1])


def read_part(path: Path) -> bytes:
    """The bytes of a part; ValueError when they do not match the checksum in its name."""
    content = contents(path.parents[1], Path(path.parent.name) / path.name)
    match = _PART.fullmatch(path.name)
    if match is None or digest(content) != match[2]:
        raise ValueError(f"{path} is damaged: its bytes do not match the checksum in its name")
    return content


def part_name(number: int, content: bytes) -> str:
    """The file name of a part with these bytes."""
    return f"part-{number:05d}-{digest(content)}.parquet"
