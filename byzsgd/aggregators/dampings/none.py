from __future__ import annotations

from byzsgd.interfaces import Arrival
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("none")
def none(_: None, arrival: Arrival) -> float:
    """No damping: Λ(τ) = 1."""
    return 1.0
