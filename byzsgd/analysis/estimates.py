"""Several seeds as one number or one curve. The only place that says which statistic this is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

FEW = 5  # seeds, of which an interval would say less than their range
LEVEL = 0.95
RESAMPLES = 2000
DIGITS = 3  # after the point, of accuracies and losses
NOTHING = "–"  # in tables: there is no such number


@dataclass(frozen=True)
class Estimate:
    """The median over seeds, and how far they spread: `named` says in which sense."""

    middle: float  # a run that was lost counts as the worst: ±inf where half were or more; NaN: nothing is known
    low: float  # of the runs that were not lost; NaN: there is none
    high: float
    count: int  # runs, those that were lost among them
    lost: int = 0
    bound: str = ""  # ">" where the true value is larger (some seeds were censored), "<" where it is smaller
    lost_as: str = "diverged"  # what is said where all were lost

    def text(self, digits: int = DIGITS, sign: bool = False) -> str:
        """0.94 (0.93 … 0.95) of few seeds, 0.94 [0.93, 0.95] of many; `2/3 ok, median 0.94` where some were lost."""

        def written(value: float) -> str:
            return number(value, digits, sign)

        kept = self.count - self.lost
        if self.count == 0 or (math.isnan(self.middle) and not self.lost):
            return NOTHING
        if kept == 0:
            return self.lost_as
        spread = written(self.low) if kept == 1 else f"{written(self.low)} … {written(self.high)}"
        if self.lost:
            known = f", median {written(self.middle)}" if math.isfinite(self.middle) else f" ({spread})"
            return f"{kept}/{self.count} ok{known}"
        middle = f"{self.bound} {written(self.middle)}".strip()
        if kept == 1 or self.bound:
            return middle
        return f"{middle} ({spread})" if kept <= FEW else f"{middle} [{written(self.low)}, {written(self.high)}]"


def number(value: float, digits: int = DIGITS, sign: bool = False) -> str:
    """A measured number in every figure, table and page: 0.912, −0.500, inf."""
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def estimate(values: Iterable[float]) -> Estimate:
    """Of one value a run: an infinite one is that of a run that was lost, a NaN is none at all."""
    known = np.array([value for value in values if not math.isnan(value)], dtype=float)
    if not len(known):
        return Estimate(math.nan, math.nan, math.nan, 0)
    middle, low, high = (float(part[0]) for part in summary(known[:, None]))
    return Estimate(middle, low, high, len(known), int(np.isinf(known).sum()))


def summary(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(seeds, points) -> middle, low, high, each (points,). Infinite values are those of runs that were lost.

    The middle is the median of all, so that a lost run counts as the worst. Up to five that were not lost: their range.
    From six on: the 95 % percentile interval of their median, by the bootstrap (Efron, Annals of Statistics 1979) with
    2000 resamples of a fixed stream. NaN where all were lost.
    """
    with np.errstate(invalid="ignore"):  # the median of -inf and inf
        middle = np.median(values, axis=0)
    low, high = np.full_like(middle, np.nan), np.full_like(middle, np.nan)
    patterns, which = np.unique(np.isfinite(values), axis=1, return_inverse=True)
    for number, kept in enumerate(patterns.T):
        if kept.any():
            columns = which == number
            low[columns], high[columns] = _spread(values[np.ix_(kept, columns)])
    return middle, low, high


def _spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(values) <= FEW:
        return values.min(axis=0), values.max(axis=0)
    from scipy.stats import bootstrap  # takes a third of what PyTorch does, and few seeds need none

    found = bootstrap(
        (values,), np.median, axis=0, method="percentile", confidence_level=LEVEL, n_resamples=RESAMPLES, batch=100,
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return found.low, found.high


def named(counts: Sequence[int]) -> str:
    """What the numbers of groups of so many seeds are, for captions; nothing where every group is one run."""
    few, many = any(1 < count <= FEW for count in counts), any(count > FEW for count in counts)
    if few and many:
        return f"median · range up to {FEW} seeds, else 95 % bootstrap interval"
    return "median and range of the seeds" if few else "median and 95 % bootstrap interval" if many else ""
