"""Krum: the row whose nearest others are nearest."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import MORE_THAN_F, Bound, Condition, rule
from byzsgd.aggregators.rules.numerics.distances import Distances, least

# With the paper's k-f-2 neighbours, or fewer, a majority beside f+1 rows; with one more (byzfl) a mere majority.
ENOUGH = (
    Condition(
        "k >= 2f+3",
        lambda k, f, neighbours: k >= 2 * f + 3 or (neighbours is not None and neighbours >= k - f - 1),
        Condition("k >= f+3", lambda k, f, neighbours: neighbours is not None or k >= f + 3),
    ),
    Condition("k >= 2f+1 for neighbours >= k-f-1", lambda k, f: k >= 2 * f + 1, MORE_THAN_F),
)


@rule(
    *ENOUGH,
    Condition("1 <= neighbours <= k-1", lambda k, neighbours: neighbours is None or 1 <= neighbours < k),
    laws=("permutation", "translation", "scaling", "sign", "rotation", "agreement", "bounded", "box"),
    kappa=Bound("6 (n-f)/(n-2f-1)", lambda n, f: 6 * (n - f) / (n - 2 * f - 1)),
)
def krum(
    vectors: Tensor, *, f: int, neighbours: int | None = None, squared: bool = True, strict: bool = True
) -> Tensor:
    """The row with the least sum of squared distances to its k-f-2 nearest others, (k, d) -> (d,).

    argminᵢ Σ ‖xᵢ - xⱼ‖² over the `neighbours` (none given: k-f-2) nearest j ≠ i; `squared=False`: Σ ‖xᵢ - xⱼ‖. A tie
    goes to the lexicographically smaller row.

    Condition: k >= 2f+3, k >= 2f+1 for neighbours >= k-f-1, 1 <= neighbours <= k-1
    With `strict=False`, k >= f+3, with `neighbours` k >= f+1: computed, without the promise.
    Breakdown: (k-3)/2 rows.
    Bound: κ = 6 (n-f)/(n-2f-1) for the default neighbours
    Cost: k²d
    Blanchard, El Mhamdi, Guerraoui, Stainer: Machine learning with adversaries: Byzantine tolerant gradient descent,
    NeurIPS 2017, arXiv 1703.02757.
    """
    k = vectors.shape[0]
    nearest = k - f - 2 if neighbours is None else neighbours
    distances = Distances(vectors)
    everyone = range(k)
    rows = least(1, everyone, lambda: distances.sums(everyone, nearest, squared), distances.refine, vectors)
    return vectors[rows[0]].clone()
