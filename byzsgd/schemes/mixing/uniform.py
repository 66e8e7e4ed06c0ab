from __future__ import annotations

import numpy as np

from byzsgd.checks import require
from byzsgd.schemes.mixing.rest import with_rest


def uniform(adjacency: np.ndarray) -> np.ndarray:
    """(n, n) -> W_ij = 1/(deg_i + 1) for neighbours and i itself; degrees must be equal, or columns do not sum to 1."""
    degree = adjacency.sum(axis=1)
    require(bool((degree == degree[0]).all()), "uniform mixing", "a graph of equal degrees (metropolis takes any)",
            least=int(degree.min()), greatest=int(degree.max()))  # fmt: skip
    return with_rest(adjacency / (1.0 + degree[:, None]))
