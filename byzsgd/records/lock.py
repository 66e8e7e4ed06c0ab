"""One writer per run folder. The operating system holds the lock and frees it when the process ends, even if it is
killed. So no stale lock remains."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .files import writing
from .reading import contents, json_object

LOCK = ".lock"
ATTEMPTS, PAUSE = 5, 0.02  # seconds between two attempts
_OWN_FILE = os.O_NOFOLLOW | os.O_NONBLOCK  # never write through a link, never wait for a pipe
_UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class Busy(ValueError):
    """Another process writes this folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Creates the folder and holds its lock; Busy says in one line which process holds it already."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | _OWN_FILE, 0o644)
    try:
        try:
            _take(descriptor)
        except BlockingIOError:
            raise Busy(f"{folder} is being written by {_holder(folder)}") from None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise ValueError(f"cannot lock {folder}: {error.strerror or error}") from error
            warnings.warn(f"{folder} cannot be locked on this file system: see that no one else writes it",
                          stacklevel=3)  # fmt: skip
        holder = {"pid": os.getpid(), "host": platform.node(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        _write(descriptor, json.dumps(holder).encode())
        try:
            yield
        finally:
            _write(descriptor, b"")
    finally:
        os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Whether some process writes this folder now."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | _OWN_FILE)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def was_killed(folder: Path) -> bool:
    """Whether the last process that wrote this folder ended without releasing its lock."""
    try:
        return bool(contents(folder, LOCK)) and not is_locked(folder)
    except ValueError:
        return False


def _take(descriptor: int) -> None:
    # `is_locked` of another process holds the lock for some microseconds. That process is no writer.
    for _ in range(ATTEMPTS):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE)
    return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _write(descriptor: int, content: bytes) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)
    except OSError:
        return  # the name of the holder is only for messages; the lock itself is held without it


def _holder(folder: Path) -> str:
    try:
        holder = json_object(folder, LOCK)
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"
