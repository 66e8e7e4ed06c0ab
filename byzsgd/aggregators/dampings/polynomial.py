"""The damping `polynomial`."""

from __future__ import annotations

from byzsgd.interfaces import Arrival


def polynomial(_: None, arrival: Arrival, *, exponent: float) -> float:
    """Polynomial damping: Λ(τ) = (1 + τ)^(−exponent).

    FedAsync: Xie, Koyejo, Gupta: Asynchronous federated optimization, OPT 2020, arXiv 1903.03934.
    """
    return float((1.0 + arrival.staleness) ** -exponent)
