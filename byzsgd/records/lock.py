"""One writer per run folder. The lock is the kernel's: it ends with its process, however that ends, so that no stale
lock can be left behind."""

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
GLANCES, GLANCE = 5, 0.02  # seconds
_OWN_FILE = os.O_NOFOLLOW | os.O_NONBLOCK  # a link is written through, a pipe is waited for
_UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class Busy(ValueError):
    """Another process writes this folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, making the folder first; Busy says in one line who else holds it."""
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
    """Whether the last process that wrote this folder ended without letting go of it."""
    try:
        return bool(contents(folder, LOCK)) and not is_locked(folder)
    except ValueError:
        return False


def _take(descriptor: int) -> None:
    # Who asks `is_locked` holds it for some microseconds: not to be taken for a writer.
    for _ in range(GLANCES):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(GLANCE)
    return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _write(descriptor: int, content: bytes) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)
    except OSError:
        return  # who holds the lock is a courtesy; that it is held is the kernel's business


def _holder(folder: Path) -> str:
    try:
        holder = json_object(folder, LOCK)
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"
