from __future__ import annotations

import math

from torch import nn


def logistic_regression(input_shape: tuple[int, ...], outputs: int, /) -> nn.Module:
    """One affine layer, (B, …) -> (B, outputs): multinomial logistic regression under cross-entropy."""
    layer = nn.Linear(math.prod(input_shape), outputs)
    return layer if len(input_shape) == 1 else nn.Sequential(nn.Flatten(), layer)
