"""Copies that live for a while: model versions, and results that wait for their delivery."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

ALIGNMENT = 64  # bytes
LARGE = 2**16  # bytes; below this a plain clone is faster and its memory does not matter


def kept(values: Tensor) -> Tensor:
    """A copy.

    Where it is large and on a CPU, in memory that PyTorch did not ask for: PyTorch asks for aligned memory, and the C
    library (glibc before 2.38) cannot give a freed aligned piece to the next one that asks for the same. Thousands of
    copies that come and go took 2.5 times the memory of those alive (benchmarks/memory.py).
    """
    large = values.numel() * values.element_size() >= LARGE
    if not large or values.device.type != "cpu" or values.dtype not in (torch.float32, torch.float64):
        return values.clone()
    spare = ALIGNMENT // values.element_size()
    memory = torch.from_numpy(np.empty(values.numel() + spare, dtype=values.numpy().dtype))
    start = -memory.data_ptr() % ALIGNMENT // values.element_size()
    return memory[start : start + values.numel()].view(values.shape).copy_(values)
