"""Copies that live for a while: model versions, and results that wait for their delivery."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

ALIGNMENT = 64  # bytes
LARGE = 2**16  # bytes; below this a plain clone is faster and its memory does not matter


def copy_of(values: Tensor) -> Tensor:
    """A copy."""
    return fresh(values, values.shape).copy_(values) if large(values, values.numel()) else values.clone()


def fresh(like: Tensor, shape: Sequence[int]) -> Tensor:
    """Memory with anything in it, of the type and on the device of `like`.

    Where it is large and on a CPU it is memory that PyTorch did not ask for: PyTorch asks for aligned memory, and the C
    library (glibc before 2.38) cannot give a freed aligned piece to the next one that asks for the same. Thousands of
    copies that come and go took 2.5 times the memory of those alive (benchmarks/memory.py).
    """
    count = math.prod(shape)
    if not large(like, count):
        return like.new_empty(shape)
    spare = ALIGNMENT // like.itemsize
    memory = torch.from_numpy(np.empty(count + spare, dtype=like.numpy().dtype))
    start = -memory.data_ptr() % ALIGNMENT // like.itemsize
    return memory[start : start + count].view(shape)


def large(like: Tensor, count: int) -> bool:
    """Whether so many numbers of the type and on the device of `like` are better off with care: on a CPU alone."""
    real = like.dtype in (torch.float32, torch.float64)
    return count * like.itemsize >= LARGE and like.device.type == "cpu" and real
