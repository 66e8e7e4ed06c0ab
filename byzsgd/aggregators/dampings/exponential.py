from __future__ import annotations

import math

from byzsgd.aggregators.dampings.declaration import Condition, damping
from byzsgd.interfaces import Arrival
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("exponential", "alpha")
@damping(Condition("0 <= alpha < inf", lambda alpha: 0 <= alpha < math.inf))
def exponential(_: None, arrival: Arrival, *, alpha: float) -> float:
    """Exponential damping: Λ(τ) = exp(−alpha·τ).

    Kardam's template code: Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki, ICML 2018, arXiv 1802.07928.
    """
    return math.exp(-alpha * arrival.staleness)
