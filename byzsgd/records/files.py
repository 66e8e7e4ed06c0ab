"""How files are written: whole or not at all, also under a kill. A failure is a ValueError of one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an OSError (read-only, vanished, disk full, …) into a ValueError of one line that names the path."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror or error}") from error


def write_whole(path: Path, content: bytes) -> None:
    """Writes, syncs and renames, so that a reader sees the old file or the new one, never a part."""
    temporary = path.with_name(path.name + ".tmp")
    with writing(path):
        try:
            temporary.unlink(missing_ok=True)  # a killed process left it; or it is a link to another file
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync(path.parent)


def sync(path: Path) -> None:
    """Makes the content of a file survive a power cut; for a folder, the list of its names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(content: bytes) -> str:
    """16 hexadecimal digits of BLAKE2b. They reveal damage; they are no protection against an attacker."""
    return blake2b(content, digest_size=8).hexdigest()
