"""Minimum-variance averaging."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import MAJORITY, rule
from byzsgd.aggregators.laws import BY_DISTANCE
from byzsgd.aggregators.rules.numerics.subsets import candidates, complements, greedy, mean_of_best

TIE = 1e-12  # sums of squares closer than this, relatively, are ties
MOST_SUBSETS = 2_000_000


@rule(
    MAJORITY,
    laws=BY_DISTANCE,
)
def mva(vectors: Tensor, *, f: int, strict: bool = True) -> Tensor:
    """The mean of the k-f rows of least variance, (k, d) -> (d,).

    The subset S of k-f rows with the least Σ_{i in S} ‖xᵢ - x̄_S‖²; among equals the one whose sorted rows come first
    lexicographically. Rows that no better subset can hold are ruled out first; what is left must be at most 2 000 000
    subsets.

    Condition: k >= 2f+1
    With `strict=False`, k >= f+1: computed, without the promise.
    Breakdown: (k-1)/2 rows.
    Cost: k²d + subsets left.
    El Mhamdi, Guerraoui, Rouault: Distributed momentum for Byzantine-resilient stochastic gradient descent, ICLR 2021,
    arXiv 2003.00010; Rousseeuw 1985.
    """
    return mean_of_best(vectors, f, _best, TIE)


def _best(inner: np.ndarray, f: int, tie: float) -> list[list[int]]:
    """All subsets whose sum of pairwise squared distances is the least, up to a relative `tie`."""
    norms = inner.diagonal()
    squared = np.maximum(norms[:, None] + norms - 2 * inner, 0.0)
    np.fill_diagonal(squared, 0.0)
    size = len(squared) - f
    start = greedy(squared, f)
    least = squared[np.ix_(start, start)].sum() / 2
    # A subset that holds a row is at least as wide as that row's nearest size-1 others make it.
    widths = np.sort(squared, axis=1)[:, :size].sum(axis=1)
    possible = np.flatnonzero(widths <= least * (1 + 1e-9))
    near = squared[np.ix_(possible, possible)]
    totals, subsets = [], []
    for outside in candidates("mva", possible.tolist(), size, MOST_SUBSETS):
        mask = complements(outside, len(possible)).astype(float)
        total = ((mask @ near) * mask).sum(axis=1) / 2
        least = min(least, float(total.min()))
        good = total <= least * (1 + tie)
        totals.append(total[good])
        subsets.append(mask[good].astype(bool))
    good = np.concatenate(totals) <= least * (1 + tie)
    return [possible[mask].tolist() for mask in np.concatenate(subsets)[good]]
