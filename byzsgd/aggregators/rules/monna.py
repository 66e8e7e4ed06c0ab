"""MoNNA: the mean of a pivot's nearest neighbours."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import MAJORITY, Condition, rule
from byzsgd.aggregators.feeds import Pivot
from byzsgd.aggregators.rules.numerics.distances import nearest_rows
from byzsgd.aggregators.rules.numerics.gram import mean_of


@rule(
    MAJORITY,
    Condition("0 <= pivot < k", lambda k, pivot: 0 <= pivot < k),
    laws=("translation", "scaling", "sign", "rotation", "agreement", "bounded", "mean_without_liars", "box"),
    feed=Pivot(),
)
def monna(vectors: Tensor, *, f: int, pivot: int = 0, strict: bool = True) -> Tensor:
    """The mean of the k-f rows nearest to row `pivot`, itself included, (k, d) -> (d,).

    A tie goes to the lexicographically smaller row. In a server the trusted gradient is put in front as row 0, so k is
    one more than the vectors collected. A non-finite pivot is replaced by the next finite row.

    Condition: k >= 2f+1, 0 <= pivot < k
    With `strict=False`, k >= f+1: computed, without the promise.
    Breakdown: f rows, as long as the pivot is honest.
    Cost: kd.
    Farhadkhani, Guerraoui, Gupta, Hoang, Pinot, Stephan: Robust collaborative learning with linear gradient overhead,
    ICML 2023, arXiv 2209.10931.
    """
    return mean_of(vectors, nearest_rows(vectors, vectors[pivot], vectors.shape[0] - f))
