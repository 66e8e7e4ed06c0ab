"""Away from agreement."""

from __future__ import annotations

import math

from torch import Tensor

from byzsgd.attacks.declaration import Condition, forging
from byzsgd.interfaces import View


@forging(Condition("a finite epsilon", lambda epsilon: math.isfinite(epsilon)), sees="in_flight", neighbours=True)
def dissensus(view: View, *, epsilon: float = 1.5) -> Tensor:
    """Tells neighbour i what takes it away from its honest neighbours: (d,)
    x_i − ε·Σ_{honest j} W_ij (x_j − x_i) / (Σ_{lying j} W_ij).

    ε = 1 makes the step of plain gossip at i exactly zero, more pushes it apart. Every neighbour is told another model,
    so it stands only where nodes have neighbours; it sends its own where none are shown.

    He, Karimireddy, Jaggi: Byzantine-robust decentralized learning via ClippedGossip (2022, arXiv 2202.01545); their
    runs have ε = 1.5.
    """
    if (around := view.neighbourhood) is None:
        return view.own
    pull = (around.weights[:, None] * (around.honest - around.own)).sum(dim=0)
    return around.own - pull * (epsilon / around.lying)
