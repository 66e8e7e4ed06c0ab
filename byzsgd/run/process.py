"""How a run sets up its process: the number of threads, and how often the garbage collector runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

THREADS = 1024  # at most: a library that has no memory for another thread ends the process


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Inside, torch and BLAS compute with `count` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(limits=count, user_api="blas"):  # those of NumPy and SciPy
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Inside, the garbage collector skips the objects that existed before, and runs less often.

    Deliveries make many small objects, which their reference counts free. The search for cycles among them, and among
    all objects of PyTorch and Hydra, took up to a third of the time.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
