"""Compiled functions, kept on disk from process to process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config

F = TypeVar("F", bound=Callable[..., Any])
HERE = Path(__file__).parent
MACHINE_CODE = ("cache", "gradient", "layout", "play", "rows", "server")  # the files that become machine code
# Sums may be taken in any order. That there is no NaN and no infinity is assumed nowhere: a liar may send them.
FLAGS = {"reassoc", "contract", "arcp"}


def folder() -> Path:
    """Where compiled code is kept: one folder for each text of these functions, since Numba looks at the time of the
    file of the outermost one alone, and not at those that it calls."""
    digest = blake2b(digest_size=6)
    for name in MACHINE_CODE:
        digest.update((HERE / f"{name}.py").read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "byzsgd" / f"numba-{numba.__version__}-{digest.hexdigest()}"


def writable() -> bool:
    """Whether compiled code can be kept there."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder(), os.W_OK)


WRITABLE = writable()


def compiled(function: F) -> F:
    """The function as machine code for the types that it is called with. Module-level functions alone: closures would
    be compiled in every process."""
    made = cast(Any, numba.njit(fastmath=FLAGS, error_model="numpy")(function))
    if WRITABLE:
        settings = cast(Any, config)
        before, settings.CACHE_DIR = settings.CACHE_DIR, str(folder())
        try:
            made.enable_caching()
        finally:
            settings.CACHE_DIR = before
    return cast(F, made)


def inlined(function: F) -> F:
    """A function that compiled ones call. Python does not: the bridges to it would take most of the time to compile."""
    bare = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast(F, cast(Any, numba.njit)(fastmath=FLAGS, error_model="numpy", **bare)(function))


def news() -> Iterator[str]:
    """What a person who waits should be told."""
    if not WRITABLE:
        yield f"compiled code cannot be kept in {folder()}: every process compiles it anew, some 20 s"
    elif not any(folder().rglob("*.nbc")):
        yield "compiling for this machine, once: some 20 s (byzsgd warm does it ahead)"
