from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from byzsgd.checks import require
from byzsgd.schemes.mixing.metropolis import metropolis
from byzsgd.schemes.mixing.rest import with_rest


def discounted(adjacency: np.ndarray, *, nodes: Sequence[int], share: float) -> np.ndarray:
    """(n, n) -> Metropolis weights, those of every edge of `nodes` times `share`, 0 to 1; what is missing stays with
    each node itself. At 0 nobody hears these nodes.

    He, Karimireddy, Jaggi: Byzantine-robust decentralized learning via ClippedGossip (2022, arXiv 2202.01545) vary by
    it how much weight a liar has, without a change of what honest nodes give each other.
    """
    n = len(adjacency)
    require(0 <= share <= 1, "discounted mixing", "0 <= share <= 1", share=share)
    require(all(0 <= node < n for node in nodes), "discounted mixing", f"nodes in 0 … {n - 1}", nodes=list(nodes))
    weights = metropolis(adjacency)
    np.fill_diagonal(weights, 0.0)
    less = np.zeros(n, dtype=bool)
    less[list(nodes)] = True
    return with_rest(np.where(less[:, None] | less, share * weights, weights))
