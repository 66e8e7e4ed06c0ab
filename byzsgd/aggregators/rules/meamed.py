"""Mean around the median."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import MORE_THAN_2F, rule
from byzsgd.aggregators.laws import BY_COORDINATE
from byzsgd.aggregators.rules.numerics.ordering import (
    by_coordinate,
    middle,
    middle_positions,
    nearest_mean,
    nearest_positions,
)


@rule(
    MORE_THAN_2F,
    laws=BY_COORDINATE,
    sizes="added",
)
def meamed(vectors: Tensor, *, f: int) -> Tensor:
    """The mean of the k-f values of every coordinate that are nearest to their median, (k, d) -> (d,).

    1/(k-f) Σ over the k-f least |xᵢ - median(x)|; a tie goes to the lower value.

    Condition: k >= 2f+1
    Breakdown: f rows.
    Cost: kd log² k.
    Xie, Koyejo, Gupta: Generalized Byzantine-tolerant SGD, 2018, arXiv 1802.10116.
    """
    k = vectors.shape[0]
    exact, summed = nearest_positions(k, k - f)
    return by_coordinate(
        vectors,
        lambda ordered: nearest_mean(ordered, k - f, middle(ordered)),
        exact | middle_positions(k),
        summed,
    )
