from __future__ import annotations

import numpy as np

from byzsgd.schemes.mixing.rest import with_rest


def metropolis(adjacency: np.ndarray) -> np.ndarray:
    """(n, n) -> W_ij = 1/(1 + max(deg_i, deg_j)) for neighbours, W_ii the rest: doubly stochastic on any graph.

    Xiao, Boyd: Fast linear iterations for distributed averaging (Systems & Control Letters 2004).
    """
    degree = adjacency.sum(axis=1)
    return with_rest(adjacency / (1.0 + np.maximum(degree[:, None], degree)))
