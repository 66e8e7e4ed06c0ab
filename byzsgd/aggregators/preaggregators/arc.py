"""Adaptive robust clipping."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import MAJORITY, preaggregator
from byzsgd.aggregators.preaggregators.shrinking import shrunk


@preaggregator(
    MAJORITY,
    laws=("permutation", "scaling", "sign", "rotation"),
)
def arc(vectors: Tensor, *, f: int, strict: bool = True) -> Tensor:
    """Scales the ⌊2f(k-f)/k⌋ longest rows down to the next largest norm, (k, d) -> (k, d).

    Condition: k >= 2f+1
    With `strict=False`, k >= f+1: computed, without the promise.
    Allouah, Guerraoui, Gupta, Jellouli, Rizk, Stephan: Adaptive gradient clipping for robust federated learning,
    ICLR 2025, arXiv 2405.14432.
    """
    k = vectors.shape[0]
    count = 2 * f * (k - f) // k

    def next_largest(norms: np.ndarray) -> float:
        return float(np.sort(norms)[k - count - 1])

    return shrunk(vectors, next_largest)
