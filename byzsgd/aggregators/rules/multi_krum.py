"""Multi-Krum: the mean of the rows of least Krum score."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import Condition, rule
from byzsgd.aggregators.rules.krum import ENOUGH
from byzsgd.aggregators.rules.numerics.distances import Distances, least
from byzsgd.aggregators.rules.numerics.gram import mean_of


@rule(
    *ENOUGH,
    Condition("1 <= m <= k-f", lambda k, f, m: 1 <= (k - f - 2 if m is None else m) <= k - f),
    Condition("1 <= neighbours <= k-1", lambda k, neighbours: neighbours is None or 1 <= neighbours < k),
    laws=("permutation", "translation", "scaling", "sign", "rotation", "agreement", "bounded", "box"),
)
def multi_krum(
    vectors: Tensor,
    *,
    f: int,
    m: int | None = None,
    neighbours: int | None = None,
    squared: bool = True,
    strict: bool = True,
) -> Tensor:
    """The mean of the m rows of least Krum score, (k, d) -> (d,).

    Score of a row: Σ ‖xᵢ - xⱼ‖² over its `neighbours` (none given: k-f-2) nearest others, or Σ ‖xᵢ - xⱼ‖ where not
    `squared`; m defaults to k-f-2. A tie goes to the lexicographically smaller row.

    Condition: k >= 2f+3, k >= 2f+1 for neighbours >= k-f-1, 1 <= m <= k-f, 1 <= neighbours <= k-1
    With `strict=False`, k >= f+3, with `neighbours` and m k >= f+1: computed, without the promise.
    Breakdown: (k-3)/2 rows.
    Cost: k²d.
    Blanchard, El Mhamdi, Guerraoui, Stainer: Machine learning with adversaries: Byzantine tolerant gradient descent,
    NeurIPS 2017, arXiv 1703.02757.
    Differs: the paper leaves m open; up to byzfl's k-f is taken here.
    """
    k = vectors.shape[0]
    nearest = k - f - 2 if neighbours is None else neighbours
    count = k - f - 2 if m is None else m
    distances = Distances(vectors)
    everyone = range(k)
    rows = least(count, everyone, lambda: distances.sums(everyone, nearest, squared), distances.refine, vectors)
    return mean_of(vectors, rows)
