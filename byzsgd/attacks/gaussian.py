"""Pure noise."""

from __future__ import annotations

import math

from torch import Tensor

from byzsgd.attacks.declaration import Condition, forging
from byzsgd.attacks.normal import normal
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("view")
@forging(
    Condition("a finite mean", lambda mean: math.isfinite(mean)),
    Condition("0 <= std < inf", lambda std: 0 <= std < math.inf),
    sees="own",
)
def gaussian(view: View, *, mean: float = 0.0, std: float = 200.0) -> Tensor:
    """Sends noise that has nothing to do with any data: (d,) N(mean, std²) in every coordinate.

    Blanchard, El Mhamdi, Guerraoui, Stainer: Machine learning with adversaries: Byzantine tolerant gradient descent
    (NeurIPS 2017, arXiv 1703.02757), std = 200.
    """
    return normal(view) * std + mean
