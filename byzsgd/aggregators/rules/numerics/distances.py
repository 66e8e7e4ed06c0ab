"""Squared distances between rows, with an error bound beside each: choices that it leaves open are measured exactly."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from torch import Tensor

from byzsgd.aggregators.rules.numerics.gram import central_gram, gram, rounding, squared_between, squared_norms

# Measured values closer than this, relatively, are ties: what is equal in exact arithmetic may round differently.
TIE = 1e-13
# Distances that a centred Gram matrix gives less precisely than this are measured again from a nearer centre.
LOOSE = 500.0


class Distances:
    """(k, k) squared distances of the rows in float64 and what each may be wrong by."""

    def __init__(self, vectors: Tensor) -> None:
        self.vectors = vectors
        k = vectors.shape[0]
        self.exact = np.zeros(k, dtype=bool)
        self.squared, self.error = self._from_gram(*central_gram(vectors))
        self._closer()

    def _from_gram(self, inner: np.ndarray, squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squared distances out of inner products about any centre; values, errors."""
        norms = inner.diagonal()
        with np.errstate(over="ignore"):
            error = rounding(self.vectors.dtype) * (norms[:, None] + norms)
        error[np.isnan(squared)] = np.inf
        np.fill_diagonal(error, 0.0)
        np.maximum(squared, 0.0, out=squared)
        np.fill_diagonal(squared, 0.0)
        return squared, error

    def _closer(self) -> None:
        """Measures pairs again that lie close together but far from the centre, each group about one of its own."""
        tolerance = LOOSE * rounding(self.vectors.dtype)
        done = np.zeros(len(self.exact), dtype=bool)
        while not (tight := self.error <= tolerance * self.squared).all():
            loose = ~tight
            loose[done] = loose[:, done] = False
            count = loose.sum(axis=1)
            row = int(count.argmax())
            if count[row] == 0:
                return
            partners = np.flatnonzero(loose[row])
            if len(partners) > 2:
                rows = sorted([row, *partners.tolist()])
                inner = gram(self.vectors, self.vectors[row], rows)
                squared, error = self._from_gram(inner, squared_between(inner))
                at = np.ix_(rows, rows)
                better = error < self.error[at]
                self.squared[at] = np.where(better, squared, self.squared[at])
                self.error[at] = np.where(better, error, self.error[at])
            else:
                self.refine([row])
            done[row] = True

    def refine(self, rows: Iterable[int]) -> None:
        """Measures all distances from these rows by direct differences in float64."""
        for row in rows:
            if self.exact[row]:
                continue
            squared = squared_norms(self.vectors, self.vectors[row], precise=True)
            self.squared[row] = self.squared[:, row] = squared
            self.error[row] = self.error[:, row] = 0.0
            self.exact[row] = True

    def sums(self, rows: Sequence[int], nearest: int, squared: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """For each of these rows, in ascending order, the sum of its distances to the `nearest` nearest others of
        them; values, errors."""
        near, slack = self.squared, self.error
        if len(rows) < len(near):
            at = np.ix_(rows, rows)
            near, slack = near[at], slack[at]

        with np.errstate(invalid="ignore"):
            between = np.stack((near, np.maximum(near - slack, 0.0), near + slack))
            between.sort(axis=2)
            # The first is the row itself.
            closest = between[:, :, 1 : nearest + 1]
            values, low, high = (closest if squared else np.sqrt(closest)).sum(axis=2)
            return values, np.maximum(values - low, high - values)


Measure = Callable[[], tuple[np.ndarray, np.ndarray]]


def least(
    count: int, rows: Sequence[int], measure: Measure, refine: Callable[[Iterable[int]], None], vectors: Tensor
) -> list[int]:
    """The `count` of these rows of least measure, ascending by number; ties go to the lexicographically smaller row.

    `measure` gives a value and an error bound for every one of `rows`. Those that the bounds leave undecided are
    refined, and measured again.
    """
    if count >= len(rows):
        return list(rows)
    numbers = np.asarray(rows)
    values, errors = measure()
    with np.errstate(invalid="ignore"):
        order = np.argsort(values, kind="stable")
        inside, outside = order[:count], order[count:]
        lower, upper = values - errors, values + errors
        undecided_inside = inside[~(upper[inside] < lower[outside].min())]
        undecided_outside = outside[~(lower[outside] > upper[inside].max())]
    if len(undecided_inside) == 0 or len(undecided_outside) == 0:
        return sorted(numbers[inside].tolist())
    undecided = np.concatenate((undecided_inside, undecided_outside))
    refine(numbers[undecided].tolist())
    values, _ = measure()
    certain = np.setdiff1d(inside, undecided_inside)
    undecided = undecided[np.argsort(values[undecided], kind="stable")]
    border = values[undecided[len(undecided_inside) - 1]]
    slack = TIE * border if np.isfinite(border) else 0.0
    below = undecided[values[undecided] < border - slack]
    ties = [int(row) for row in undecided if border - slack <= values[row] <= border + slack]
    vacancies = len(undecided_inside) - len(below)
    winners = lexicographic(vectors, numbers[ties].tolist())[:vacancies]
    return sorted([*numbers[certain].tolist(), *numbers[below].tolist(), *winners])


def nearest_rows(vectors: Tensor, point: Tensor | None, count: int) -> list[int]:
    """The `count` rows nearest to a point (None: to zero), ascending by number; ties go to the smaller row."""
    everyone = range(vectors.shape[0])
    squared = squared_norms(vectors, point)
    estimate = [(squared, rounding(vectors.dtype) * squared)]

    def refine(_: Iterable[int]) -> None:
        exact = squared_norms(vectors, point, precise=True)
        estimate[0] = (exact, np.zeros_like(exact))

    return least(count, everyone, lambda: estimate[0], refine, vectors)


def lexicographic(vectors: Tensor, rows: Sequence[int]) -> list[int]:
    """The rows in the order of their values, first coordinate first."""

    def compare(a: int, b: int) -> int:
        # Most rows differ in their first columns, so these are looked at first.
        start, width = 0, 16
        while start < vectors.shape[1]:
            one, other = vectors[a, start : start + width], vectors[b, start : start + width]
            differ = (one != other).nonzero()
            if len(differ):
                column = differ[0, 0]
                return -1 if one[column] < other[column] else 1
            start, width = start + width, width * 64
        return 0

    return sorted(rows, key=functools.cmp_to_key(compare)) if len(rows) > 1 else list(rows)
