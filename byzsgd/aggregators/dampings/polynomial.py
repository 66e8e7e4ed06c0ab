from __future__ import annotations

import math

from byzsgd.aggregators.dampings.declaration import Condition, damping
from byzsgd.interfaces import Arrival
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("polynomial", "exponent")
@damping(Condition("0 <= exponent < inf", lambda exponent: 0 <= exponent < math.inf))
def polynomial(_: None, arrival: Arrival, *, exponent: float) -> float:
    """Polynomial damping: Λ(τ) = (1 + τ)^(−exponent).

    FedAsync: Xie, Koyejo, Gupta: Asynchronous federated optimization, OPT 2020, arXiv 1903.03934.
    """
    return float((1.0 + arrival.staleness) ** -exponent)
