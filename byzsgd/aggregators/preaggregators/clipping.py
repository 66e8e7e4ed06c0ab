"""Clipping to a fixed radius."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import Condition, preaggregator
from byzsgd.aggregators.preaggregators.shrinking import shrunk


@preaggregator(
    Condition("radius > 0", lambda radius: radius > 0),
    laws=("permutation", "sign", "rotation"),
    lengths=("radius",),
)
def clipping(vectors: Tensor, *, radius: float = 2.0) -> Tensor:
    """Scales each row down to norm `radius` where it is longer, (k, d) -> (k, d).

    xᵢ · min(1, radius/‖xᵢ‖).

    Allouah, Guerraoui, Gupta, Jellouli, Rizk, Stephan: Adaptive gradient clipping for robust federated learning,
    ICLR 2025, arXiv 2405.14432 (as static clipping).
    """
    return shrunk(vectors, lambda norms: radius)
