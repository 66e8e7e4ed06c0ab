from __future__ import annotations

from byzsgd.interfaces import Arrival
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("reciprocal")
def reciprocal(_: None, arrival: Arrival) -> float:
    """Reciprocal damping: Λ(τ) = 1 / max(1, τ).

    Zhang, Gupta, Lian, Liu: Staleness-aware async-SGD for distributed deep learning, IJCAI 2016, arXiv 1511.05950.
    """
    return 1.0 / max(1, arrival.staleness)
