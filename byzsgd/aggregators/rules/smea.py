"""Smallest maximum eigenvalue averaging."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import MAJORITY, Bound, rule
from byzsgd.aggregators.laws import BY_DISTANCE
from byzsgd.aggregators.rules.numerics.subsets import candidates, complements, greedy, mean_of_best

TIE = 1e-11
MOST_SUBSETS = 200_000
EVALUATED_AT_ONCE = 128


@rule(
    MAJORITY,
    laws=BY_DISTANCE,
    kappa=Bound("4 f/(n-f) (1 + f/(n-2f))^2", lambda n, f: 4 * f / (n - f) * (1 + f / (n - 2 * f)) ** 2),
)
def smea(vectors: Tensor, *, f: int, strict: bool = True) -> Tensor:
    """The mean of the k-f rows whose covariance has the least top eigenvalue, (k, d) -> (d,).

    The subset S of k-f rows with the least λ_max(Σ_{i in S} (xᵢ - x̄_S)(xᵢ - x̄_S)ᵀ); among equals the one whose sorted
    rows come first lexicographically. Rows that no better subset can hold are ruled out first, and subsets by the
    spread along directions known to be wide; what is left to list must be at most 200 000 subsets.

    Condition: k >= 2f+1
    With `strict=False`, k >= f+1: computed, without the promise.
    Breakdown: (k-1)/2 rows.
    Bound: κ = 4 f/(n-f) (1 + f/(n-2f))^2
    Cost: k²d + k³ per subset left
    Allouah, Guerraoui, Gupta, Pinot, Stephan: On the privacy-robustness-utility trilemma in distributed learning,
    ICML 2023, arXiv 2302.04787.
    """
    return mean_of_best(vectors, f, _best, TIE)


def _best(inner: np.ndarray, f: int, tie: float) -> list[list[int]]:
    """All subsets whose scatter has the least top eigenvalue, up to a relative `tie`."""
    norms = inner.diagonal()
    squared = np.maximum(norms[:, None] + norms - 2 * inner, 0.0)
    size = len(inner) - f
    start = np.asarray(greedy(squared, f))
    values, axes = _top(inner[np.ix_(start, start)][None])
    least = float(values[0])
    # Two rows of a subset spread it by half their squared distance; a row too far from more than f others is out.
    possible = np.flatnonzero((squared > 2 * least * (1 + 1e-9)).sum(axis=1) <= f)
    between = inner[np.ix_(possible, possible)]
    masks = np.concatenate(
        [complements(outside, len(possible)) for outside in candidates("smea", possible.tolist(), size, MOST_SUBSETS)]
    )
    direction = inner[np.ix_(possible, start)] @ axes[0]
    bounds = _spread(masks, direction[:, None] / max(np.sqrt(least), 1e-300))
    tops = np.full(len(masks), np.inf)
    rest = np.arange(len(masks))
    while True:
        rest = rest[bounds[rest] <= least * (1 + tie)]
        rest = rest[np.isinf(tops[rest])]
        if len(rest) == 0:
            break
        batch = rest[np.argsort(bounds[rest], kind="stable")[:EVALUATED_AT_ONCE]]
        rows = np.nonzero(masks[batch])[1].reshape(len(batch), size)
        values, axes = _top(between[rows[:, :, None], rows[:, None, :]])
        tops[batch] = values
        least = min(least, float(values.min()))
        # The widest direction of the narrowest few is wide for most other subsets, too.
        few = np.argsort(values, kind="stable")[:4]
        directions = np.stack(
            [between[:, rows[one]] @ axes[one] / max(np.sqrt(values[one]), 1e-300) for one in few], axis=1
        )
        bounds[rest] = np.maximum(bounds[rest], _spread(masks[rest], directions))
    return [possible[mask].tolist() for mask in masks[tops <= least * (1 + tie)]]


def _top(inner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Top eigenvalue of the scatter of each set of rows (s, m, m), and its axis as a combination of centred rows."""
    centred = inner - inner.mean(axis=1, keepdims=True) - inner.mean(axis=2, keepdims=True)
    centred = centred + inner.mean(axis=(1, 2), keepdims=True)
    values, axes = np.linalg.eigh(centred)
    # The combination of centred rows is one of the rows themselves, since it adds up to zero.
    return np.maximum(values[:, -1], 0.0), axes[:, :, -1] - axes[:, :, -1].mean(axis=1, keepdims=True)


def _spread(masks: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(s,) the largest sum of squared deviations of each subset along directions, in which rows are at `positions`."""
    weights = masks.astype(float)
    sums, squares = weights @ positions, weights @ np.square(positions)
    spread: np.ndarray = (squares - np.square(sums) / masks[0].sum()).max(axis=1)
    return spread
