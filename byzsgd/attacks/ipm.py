"""Inner-product manipulation."""

from __future__ import annotations

import math

from torch import Tensor

from byzsgd.attacks.declaration import Condition, forging
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("view")
@forging(Condition("a finite epsilon", lambda epsilon: math.isfinite(epsilon)), sees="delivered")
def ipm(view: View, *, epsilon: float = 0.1) -> Tensor:
    """Sends the mean of the visible honest vectors, shrunk and negated: (d,) −epsilon·mean(honest).

    Small epsilon hides near the origin; with one row per worker and a mean, epsilon = (n−m)/m makes the direction zero
    and anything larger reverses it. With fewer than two visible honest vectors it sends its own.

    Xie, Koyejo, Gupta: Fall of empires: breaking Byzantine-tolerant SGD by inner product manipulation (UAI 2019,
    arXiv 1903.03936).
    """
    if view.honest.shape[0] < 2:
        return view.own
    return view.honest.mean(dim=0) * -epsilon
