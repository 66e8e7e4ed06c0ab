"""The damping `hinge`."""

from __future__ import annotations

from byzsgd.interfaces import Arrival


def hinge(_: None, arrival: Arrival, *, slope: float, knee: float) -> float:
    """Hinge damping: Λ(τ) = 1 if τ ≤ knee, else 1 / (slope·(τ − knee) + 1).

    FedAsync: Xie, Koyejo, Gupta: Asynchronous federated optimization, OPT 2020, arXiv 1903.03934.
    """
    late = arrival.staleness - knee
    return 1.0 if late <= 0 else 1.0 / (slope * late + 1.0)
