"""The damping `exponential`."""

from __future__ import annotations

import math

from byzsgd.interfaces import Arrival


def exponential(_: None, arrival: Arrival, *, alpha: float) -> float:
    """Exponential damping: Λ(τ) = exp(−alpha·τ).

    Kardam's template code: Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki, ICML 2018, arXiv 1802.07928.
    """
    return math.exp(-alpha * arrival.staleness)
