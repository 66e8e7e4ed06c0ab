"""The damping `root_exponential`."""

from __future__ import annotations

import math

from byzsgd.interfaces import Arrival


def root_exponential(_: None, arrival: Arrival, *, alpha: float, beta: float) -> float:
    """Root-exponential damping: Λ(τ) = exp(−alpha·τ^(1/beta)).

    Constants of the fleet code base: Damaskinos, Guerraoui, Kermarrec, Nitu, Patra, Taiani: FLeet, Middleware 2020,
    arXiv 2006.07273.
    """
    return math.exp(-alpha * arrival.staleness ** (1.0 / beta))
