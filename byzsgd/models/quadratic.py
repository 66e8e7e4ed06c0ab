from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from byzsgd.checks import require


class _Quadratic(nn.Module):
    spectrum: Tensor  # (d,)

    def __init__(self, spectrum: Tensor) -> None:
        super().__init__()
        self.point = nn.Parameter(torch.zeros(len(spectrum)))
        self.register_buffer("spectrum", spectrum)

    def forward(self, centres: Tensor) -> Tensor:
        losses: Tensor = 0.5 * (self.point - centres).square() @ self.spectrum
        return losses


def quadratic(
    input_shape: tuple[int, ...], outputs: int, /, *, strong_convexity: float = 0.01, smoothness: float = 1.0
) -> nn.Module:
    """One point x, from zero: (B, d) centres -> (B,) losses ½ Σ h_j (x_j − c_j)², h from μ to L in geometric steps."""
    require(0 < strong_convexity <= smoothness, "model quadratic", "0 < strong_convexity <= smoothness",
            strong_convexity=strong_convexity, smoothness=smoothness)  # fmt: skip
    d = math.prod(input_shape)
    steps = torch.linspace(math.log(strong_convexity), math.log(smoothness), d, dtype=torch.float64)
    return _Quadratic(steps.exp())
