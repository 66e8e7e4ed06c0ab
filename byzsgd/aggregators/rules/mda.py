"""Minimum-diameter averaging."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import MAJORITY, Condition, rule
from byzsgd.aggregators.laws import BY_DISTANCE
from byzsgd.aggregators.rules.numerics.distances import TIE, Distances
from byzsgd.aggregators.rules.numerics.gram import mean_of
from byzsgd.aggregators.rules.numerics.subsets import cover, lexicographic_ranks, without

MOST_DROPPED = 42


@rule(
    MAJORITY,
    Condition(f"f <= {MOST_DROPPED} (a search of at most 1.47^f = 1e7 steps)", lambda f: f <= MOST_DROPPED),
    laws=BY_DISTANCE,
)
def mda(vectors: Tensor, *, f: int, strict: bool = True) -> Tensor:
    """The mean of the k-f rows of least diameter, (k, d) -> (d,).

    The subset S of k-f rows with the least max_{i,j in S} ‖xᵢ - xⱼ‖; among equals the one whose sorted rows come first
    lexicographically. Found without listing subsets: a diameter is possible iff leaving out f rows ends all larger
    distances (vertex cover).

    Condition: k >= 2f+1, f <= 42 (a search of at most 1.47^f = 1e7 steps)
    With `strict=False`, k >= f+1: computed, without the promise.
    Breakdown: (k-1)/2 rows.
    Cost: k²d + 1.47^f worst case.
    El Mhamdi, Guerraoui, Guirguis, Hoang, Rouault: Genuinely distributed Byzantine machine learning, PODC 2020,
    arXiv 1905.03853; as minimal volume: Rousseeuw 1985.
    """
    k = vectors.shape[0]
    if f == 0:
        return mean_of(vectors, range(k))
    distances = Distances(vectors)
    while True:
        diameter = _least_diameter(distances.squared, f)
        low, high = distances.squared - distances.error, distances.squared + distances.error
        near = np.triu((low <= diameter) & (high >= diameter), 1)
        inexact = near & (distances.error > 0)
        if near.sum() <= 1 or not inexact.any():
            break
        distances.refine(np.flatnonzero(inexact.any(axis=1)).tolist())
    return mean_of(vectors, _first_subset(vectors, _conflicts(distances.squared, diameter), f))


def _conflicts(squared: np.ndarray, diameter: float) -> dict[int, set[int]]:
    farther = squared > diameter * (1 + TIE)
    return {row: set(np.flatnonzero(others).tolist()) for row, others in enumerate(farther) if others.any()}


def _least_diameter(squared: np.ndarray, f: int) -> float:
    """The least squared diameter of k-f rows."""
    values = np.unique(squared)
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        if cover(_conflicts(squared, values[middle]), f):
            high = middle
        else:
            low = middle + 1
    return float(values[low])


def _first_subset(vectors: Tensor, conflicts: dict[int, set[int]], f: int) -> list[int]:
    """The lexicographically first k-f rows without conflict: each row in order stays if the rest can still follow."""
    k = vectors.shape[0]
    ranks = lexicographic_ranks(vectors, range(k))
    subset: list[int] = []
    outside: set[int] = set()
    for row in sorted(range(k), key=lambda row: ranks[row]):
        if row in outside or len(subset) == k - f:
            continue
        without_its_conflicts = outside | conflicts.get(row, set())
        if cover(without(conflicts, without_its_conflicts), f - len(without_its_conflicts)):
            subset.append(row)
            outside = without_its_conflicts
        else:
            outside = outside | {row}
    return sorted(subset)
