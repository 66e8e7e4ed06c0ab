"""CAF: a covariance filter that needs no bound on the covariance."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import MORE_THAN_2F, rule
from byzsgd.aggregators.laws import BY_DISTANCE
from byzsgd.aggregators.rules.numerics.affine import Affine


@rule(
    MORE_THAN_2F,
    laws=BY_DISTANCE,
)
def caf(vectors: Tensor, *, f: int) -> Tensor:
    """The weighted mean whose weighted covariance has the least top eigenvalue on a filter's way, (k, d) -> (d,).

    From c = 1, while Σc > k-2f: μ = Σ cᵢxᵢ/Σc, (λ, v) the top eigenpair of the c-weighted covariance about μ,
    tᵢ = ⟨xᵢ-μ, v⟩², cᵢ ← cᵢ(1 - tᵢ/max t over cᵢ > 0). The answer is the μ of least λ; the mean for f = 0.

    Condition: k >= 2f+1
    Breakdown: (k-1)/2 rows.
    Cost: k²d + 2fk³.
    Allouah, Guerraoui, Stephan: Towards trustworthy federated learning with untrusted participants, ICML 2025,
    arXiv 2505.01874.
    """
    k = vectors.shape[0]
    rows = Affine(vectors)
    best, least = np.full(k, 1 / k), np.inf
    count = np.ones(k)
    while f and count.sum() > k - 2 * f:
        weights = count / count.sum()
        root = np.sqrt(weights)
        about = rows.about(weights)
        values, axes = np.linalg.eigh(about * np.outer(root, root))
        if values[-1] < least:
            best, least = weights, values[-1]
        if values[-1] <= 0:
            break
        # ⟨xᵢ − μ, v⟩² up to a factor, which the division by the largest removes; so does one that keeps it in range
        along = about @ (root * axes[:, -1])
        spread = np.square(np.ldexp(along, -np.frexp(np.abs(along).max())[1]))
        count = np.maximum(count * (1 - spread / spread[count > 0].max()), 0.0)
    return rows.point(best)
