from __future__ import annotations

import numpy as np

from byzsgd.schemes.mixing.rest import with_rest


def max_degree(adjacency: np.ndarray) -> np.ndarray:
    """(n, n) -> W_ij = 1/(1 + max_k deg_k) for neighbours, W_ii the rest.

    Xiao, Boyd: Fast linear iterations for distributed averaging (Systems & Control Letters 2004).
    """
    return with_rest(adjacency / (1.0 + adjacency.sum(axis=1).max()))
