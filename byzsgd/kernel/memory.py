"""Copies that live for a while: model versions, and results that wait for their delivery."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

ALIGNMENT = 64  # bytes
LARGE = 2**16  # bytes; below this a plain clone is faster and its memory does not matter


def kept(values: Tensor) -> Tensor:
    """A copy."""
    memory = _lasting(values, values.shape)
    return values.clone() if memory is None else memory.copy_(values)


def joined(parts: Sequence[Tensor], size: int) -> Tensor:
    """(1, d) out of (1, …) parts, d = `size`."""
    memory = _lasting(parts[0], (1, size))
    return torch.cat(parts, 1) if memory is None else torch.cat(parts, 1, out=memory)  # type: ignore[arg-type]


def _lasting(like: Tensor, shape: Sequence[int]) -> Tensor | None:
    """Memory that PyTorch did not ask for, where it is to be large and on a CPU; None: any will do.

    PyTorch asks for aligned memory, and the C library (glibc before 2.38) cannot give a freed aligned piece to the next
    one that asks for the same. Thousands of copies that come and go took 2.5 times the memory of those alive
    (benchmarks/memory.py).
    """
    count, size = math.prod(shape), like.itemsize
    if count * size < LARGE or like.device.type != "cpu" or like.dtype not in (torch.float32, torch.float64):
        return None
    spare = ALIGNMENT // size
    memory = torch.from_numpy(np.empty(count + spare, dtype=like.numpy().dtype))
    start = -memory.data_ptr() % ALIGNMENT // size
    return memory[start : start + count].view(shape)
