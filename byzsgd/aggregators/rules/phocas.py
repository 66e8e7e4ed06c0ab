"""Phocas: mean around the trimmed mean."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from byzsgd.aggregators.declaration import MORE_THAN_2F, rule
from byzsgd.aggregators.laws import BY_COORDINATE
from byzsgd.aggregators.rules.numerics.ordering import by_coordinate, nearest_mean, nearest_positions, total


@rule(
    MORE_THAN_2F,
    laws=BY_COORDINATE,
    sizes="added",
)
def phocas(vectors: Tensor, *, f: int) -> Tensor:
    """The mean of the k-f values of every coordinate that are nearest to their trimmed mean, (k, d) -> (d,).

    1/(k-f) Σ over the k-f least |xᵢ - trimmed_mean_f(x)|; a tie goes to the lower value.

    Condition: k >= 2f+1
    Breakdown: f rows.
    Cost: kd log² k.
    Xie, Koyejo, Gupta: Phocas: dimensional Byzantine-resilient stochastic gradient descent, 2018, arXiv 1805.09682.
    """
    k = vectors.shape[0]
    exact, summed = nearest_positions(k, k - f)

    def reduce(ordered: Sequence[Tensor]) -> Tensor:
        return nearest_mean(ordered, k - f, total(ordered[f : k - f]).div_(k - 2 * f))

    return by_coordinate(vectors, reduce, exact, summed)
