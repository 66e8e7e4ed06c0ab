"""What a graph has to say about the liars on it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from byzsgd.graphs.edges import is_connected
from byzsgd.schemes.mixing import spectral_gap


def honest_part(weights: np.ndarray, liars: Collection[int]) -> dict[str, object]:
    """W (n, n) and who lies -> `honest_connected`; `lying_weights`, the share of lying weight at each honest node, 0 at
    liars, and `lying_weight`, the largest; `honest_gap`, the spectral gap of the honest part, whose missing weight
    stays with the node itself.

    Nothing where nobody lies, or everybody.
    """
    honest = [node for node in range(len(weights)) if node not in liars]
    if not honest or len(honest) == len(weights):
        return {}
    part = weights[np.ix_(honest, honest)]
    lying = weights[np.ix_(honest, sorted(liars))].sum(axis=1)
    shares = np.zeros(len(weights))
    shares[honest] = lying
    adjacency = part != 0.0
    np.fill_diagonal(adjacency, False)
    return {
        "honest_connected": is_connected(adjacency),
        "lying_weight": float(lying.max()),
        "lying_weights": shares.tolist(),
        "honest_gap": spectral_gap(part + np.diag(lying)),
    }
