"""How files are written: whole or not at all, also under a kill. A failure is a ValueError of one line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b, file_digest
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

    def write(temporary: Path) -> Path:
        with temporary.open("xb") as file:
            file.write(content)
        return path

    write_named(path, write)


def write_named(path: Path, write: Callable[[Path], Path]) -> Path:
    """The same of what `write` makes at a temporary path beside `path`; it says what the file is to be called."""
    temporary = path.with_name(path.name + ".tmp")
    with writing(path):
        try:
            temporary.unlink(missing_ok=True)  # a killed process left it; or it is a link to another file
            named = write(temporary)
            sync(temporary)
            temporary.replace(named)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync(path.parent)
    return named


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


def digest_of_file(path: Path) -> str:
    """The digest of the content of a file."""
    with path.open("rb") as file:
        return file_digest(file, lambda: blake2b(digest_size=8)).hexdigest()
