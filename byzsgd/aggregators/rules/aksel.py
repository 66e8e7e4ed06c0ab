"""Aksel: the mean of the rows nearest to the coordinate-wise median."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import MAJORITY, rule
from byzsgd.aggregators.laws import ROBUST
from byzsgd.aggregators.rules.numerics.distances import nearest_rows
from byzsgd.aggregators.rules.numerics.gram import mean_of
from byzsgd.aggregators.rules.numerics.ordering import coordinate_median


@rule(
    MAJORITY,
    laws=ROBUST,
)
def aksel(vectors: Tensor, *, f: int, strict: bool = True) -> Tensor:
    """The mean of the k-f rows nearest to the coordinate-wise median, (k, d) -> (d,).

    Nearest in ‖xᵢ - median(x)‖₂; a tie goes to the lexicographically smaller row.

    Condition: k >= 2f+1
    With `strict=False`, k >= f+1: computed, without the promise.
    Breakdown: f rows.
    Cost: kd log² k.
    Boussetta, El Mhamdi, Guerraoui, Maurer, Rouault: AKSEL: fast Byzantine SGD, OPODIS 2020.
    Differs: k-f rows are kept, the paper's quorum for a known f.
    """
    return mean_of(vectors, nearest_rows(vectors, coordinate_median(vectors), vectors.shape[0] - f))
