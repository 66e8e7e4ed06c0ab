from __future__ import annotations

import math

from byzsgd.aggregators.dampings.declaration import Condition, damping
from byzsgd.interfaces import Arrival
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("root_exponential", "alpha", "beta")
@damping(
    Condition("0 <= alpha < inf", lambda alpha: 0 <= alpha < math.inf),
    Condition("0 < beta < inf", lambda beta: 0 < beta < math.inf),
)
def root_exponential(_: None, arrival: Arrival, *, alpha: float, beta: float) -> float:
    """Root-exponential damping: Λ(τ) = exp(−alpha·τ^(1/beta)).

    Constants of the fleet code base: Damaskinos, Guerraoui, Kermarrec, Nitu, Patra, Taiani: FLeet, Middleware 2020,
    arXiv 2006.07273.
    """
    if alpha == 0:
        return 1.0
    try:
        return math.exp(-alpha * arrival.staleness ** (1.0 / beta))
    except OverflowError:  # of the power
        return 0.0
