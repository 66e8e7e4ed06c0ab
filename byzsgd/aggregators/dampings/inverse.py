from __future__ import annotations

from byzsgd.interfaces import Arrival
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("inverse")
def inverse(_: None, arrival: Arrival) -> float:
    """Inverse damping: Λ(τ) = 1 / (1 + τ).

    DynSGD: Jiang, Cui, Zhang, Yu: Heterogeneity-aware distributed parameter servers, SIGMOD 2017.
    """
    return 1.0 / (1.0 + arrival.staleness)
