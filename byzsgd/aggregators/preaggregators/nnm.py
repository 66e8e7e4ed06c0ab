"""Nearest-neighbour mixing."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import MAJORITY, preaggregator
from byzsgd.aggregators.magnitudes import comparable, sizes_of
from byzsgd.aggregators.rules.numerics.distances import Distances, least
from byzsgd.aggregators.rules.numerics.gram import combination


@preaggregator(
    MAJORITY,
    laws=("permutation", "translation", "scaling", "sign", "rotation"),
)
def nnm(vectors: Tensor, *, f: int, strict: bool = True) -> Tensor:
    """Replaces each row by the mean of its k-f nearest rows, itself included, (k, d) -> (k, d).

    A tie goes to the lexicographically smaller row.

    Condition: k >= 2f+1
    With `strict=False`, k >= f+1: computed, without the promise.
    Bound: κ of the rule behind it becomes 8 f/(n-f) (κ+1)
    Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan: Fixing by mixing: a recipe for optimal Byzantine ML under
    heterogeneity, AISTATS 2023, arXiv 2302.01772.
    """
    k = vectors.shape[0]
    sizes = sizes_of(vectors)
    distances = Distances(comparable(vectors, sizes, float(np.sort(sizes)[k - 1 - f]))[0])
    mask = np.zeros((k, k))
    for row in range(k):
        mask[row, _nearest(distances, row, k - f)] = 1.0
    return combination(mask, vectors).div_(k - f)


def _nearest(distances: Distances, row: int, count: int) -> list[int]:
    return least(
        count,
        range(len(distances.squared)),
        lambda: (distances.squared[row], distances.error[row]),
        lambda _: distances.refine([row]),
        distances.vectors,
    )
