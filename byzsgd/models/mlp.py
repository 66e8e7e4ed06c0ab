from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from byzsgd.checks import require
from byzsgd.models.activations import activation as activation_module


def mlp(
    input_shape: tuple[int, ...], outputs: int, /, *, widths: Sequence[int] = (32,), activation: str = "relu"
) -> nn.Module:
    """Fully connected layers, (B, …) -> (B, outputs), with an activation after each hidden one."""
    require(all(width >= 1 for width in widths), "model mlp", "widths >= 1", widths=list(widths))
    sizes = [math.prod(input_shape), *widths]
    layers: list[nn.Module] = [] if len(input_shape) == 1 else [nn.Flatten()]
    for before, after in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(before, after), activation_module("model mlp", activation)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], outputs))
