from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from byzsgd.checks import require


class _RidgeLogistic(nn.Module):
    def __init__(self, d: int, ridge: float) -> None:
        super().__init__()
        self.point = nn.Parameter(torch.zeros(d))
        self.ridge = ridge

    def forward(self, rows: Tensor) -> Tensor:
        return functional.softplus(-(rows @ self.point)) + 0.5 * self.ridge * self.point.square().sum()


def ridge_logistic(input_shape: tuple[int, ...], outputs: int, /, *, ridge: float = 0.01) -> nn.Module:
    """One vector x, from zero: (B, d) signed rows y·a -> (B,) losses log(1 + exp(−y⟨a, x⟩)) + ½ ridge·‖x‖²."""
    require(ridge >= 0, "model ridge_logistic", "ridge >= 0", ridge=ridge)
    return _RidgeLogistic(math.prod(input_shape), ridge)
