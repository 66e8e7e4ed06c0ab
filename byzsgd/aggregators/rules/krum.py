"""Krum: the row whose nearest others are nearest."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import Bound, Condition, rule
from byzsgd.aggregators.rules.numerics.distances import Distances, least


@rule(
    Condition("k >= 2f+3", lambda k, f: k >= 2 * f + 3),
    Condition("1 <= neighbours <= k-1", lambda k, neighbours: neighbours is None or 1 <= neighbours < k),
    laws=("permutation", "translation", "scaling", "sign", "rotation", "agreement", "bounded", "box"),
    kappa=Bound("6 (n-f)/(n-2f-1)", lambda n, f: 6 * (n - f) / (n - 2 * f - 1)),
)
def krum(vectors: Tensor, *, f: int, neighbours: int | None = None, squared: bool = True) -> Tensor:
    """The row with the least sum of squared distances to its k-f-2 nearest others, (k, d) -> (d,).

    argminᵢ Σ ‖xᵢ - xⱼ‖² over the `neighbours` (none given: k-f-2) nearest j ≠ i; `squared=False`: Σ ‖xᵢ - xⱼ‖. A tie
    goes to the lexicographically smaller row.

    Condition: k >= 2f+3, 1 <= neighbours <= k-1
    Breakdown: (k-3)/2 rows.
    Bound: κ = 6 (n-f)/(n-2f-1) for the default neighbours
    Blanchard, El Mhamdi, Guerraoui, Stainer: Machine learning with adversaries: Byzantine tolerant gradient descent,
    NeurIPS 2017, arXiv 1703.02757.
    """
    k = vectors.shape[0]
    nearest = k - f - 2 if neighbours is None else neighbours
    distances = Distances(vectors)
    everyone = range(k)
    chosen = least(1, everyone, lambda: distances.sums(everyone, nearest, squared), distances.refine, vectors)
    return vectors[chosen[0]].clone()
