"""The weight that a node keeps for itself."""

from __future__ import annotations

import numpy as np


def with_rest(weights: np.ndarray) -> np.ndarray:
    """(n, n) weights of the neighbours, zero on the diagonal -> the same with what is left of 1 on it."""
    own = 1.0 - weights.sum(axis=1)
    own[np.abs(own) < 1e-12] = 0.0  # rounding of a sum that is 1
    return weights + np.diag(own)
