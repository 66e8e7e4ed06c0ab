"""Centred clipping."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import Condition, rule
from byzsgd.aggregators.feeds import LastResult
from byzsgd.aggregators.rows import read_beside
from byzsgd.aggregators.rules.numerics.gram import combination, gram, squared_norms


@rule(
    Condition("radius > 0", lambda radius: radius > 0),
    Condition("steps >= 1", lambda steps: steps >= 1),
    laws=("permutation", "sign", "rotation", "bounded"),
    feed=LastResult(),
    lengths=("radius", "centre"),
)
def centered_clipping(
    vectors: Tensor, *, radius: float = 10.0, steps: int = 1, centre: Tensor | np.ndarray | None = None
) -> Tensor:
    """Moves a centre by the mean of the clipped differences to it, (k, d) -> (d,).

    v ← v + (1/k) Σ (xᵢ - v) min(1, radius/‖xᵢ - v‖), `steps` times from `centre` (none given: zero). In a server the
    result is the centre of the next step.

    Breakdown: every row moves the centre by at most radius/k per step.
    Cost: kd, k²d for steps > 1.
    Karimireddy, He, Jaggi: Learning from history for Byzantine robust optimization, ICML 2021, arXiv 2012.10333.
    Differs: the paper's guarantee is for f/k <= 0.1, worker momentum and a radius that follows the honest variance;
    here any f, no momentum of its own, and a fixed radius.
    """
    k = vectors.shape[0]
    start = None if centre is None else read_beside("centered_clipping", "centre", centre, vectors)
    # The centre stays an affine combination of the start and the rows: after the distances, only weights are moved.
    inner = np.diag(squared_norms(vectors, start)) if steps == 1 else gram(vectors, start)
    weights = np.zeros(k)
    for _ in range(steps):
        products = inner @ weights
        squared = np.maximum(inner.diagonal() - 2 * products + weights @ products, 0.0)
        distances = np.sqrt(squared)
        shares = np.divide(radius, distances, out=np.ones(k), where=distances > radius) / k
        weights = weights * (1 - shares.sum()) + shares
    centre = combination(weights, vectors)
    return centre if start is None else centre.add_(start, alpha=1 - weights.sum())
