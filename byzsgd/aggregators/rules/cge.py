"""Comparative gradient elimination."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import MAJORITY, rule
from byzsgd.aggregators.rules.numerics.distances import nearest_rows
from byzsgd.aggregators.rules.numerics.gram import mean_of


@rule(
    MAJORITY,
    laws=("permutation", "scaling", "sign", "rotation", "bounded", "mean_without_liars", "box"),
)
def cge(vectors: Tensor, *, f: int, strict: bool = True) -> Tensor:
    """The mean of the k-f rows of least norm, (k, d) -> (d,).

    A tie goes to the lexicographically smaller row.

    Condition: k >= 2f+1
    With `strict=False`, k >= f+1: computed, without the promise.
    Breakdown: 0 in the sense of a shift (f short rows are always kept); bounded by the honest norms.
    Cost: kd.
    Gupta, Liu, Vaidya: Byzantine fault-tolerant distributed machine learning with norm-based comparative gradient
    elimination, DSN-W 2021, arXiv 2008.04699.
    Differs: the mean of the kept rows, not their sum.
    """
    return mean_of(vectors, nearest_rows(vectors, None, vectors.shape[0] - f))
