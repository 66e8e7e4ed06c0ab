"""The statistic over seeds: median, range, bootstrap interval. Every number over seeds comes from here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

FEW = 5  # up to so many seeds the range says more than an interval
LEVEL = 0.95
RESAMPLES = 2000
DIGITS = 3  # decimals of accuracies and losses
NOTHING = "–"  # the sign in tables for a number that does not exist


@dataclass(frozen=True)
class Estimate:
    """The median over seeds, and their spread: a range or an interval (see `named`).

    A run is lost if its value is infinite, for example because it diverged. It counts as the worst.
    """

    middle: float  # the median of all runs; ±inf if half or more were lost; NaN: there is no value
    low: float  # lower end of the spread of the runs that were not lost; NaN: there is none
    high: float
    count: int  # number of runs, with the lost ones
    lost: int = 0
    bound: str = ""  # ">": the true value is larger, since some seeds were censored; "<": it is smaller
    lost_as: str = "diverged"  # the text if all runs were lost

    def text(self, digits: int = DIGITS, sign: bool = False) -> str:
        """`0.94 (0.93 … 0.95)` for few seeds, `0.94 [0.93, 0.95]` for many, `2/3 ok, median 0.94` if some were lost."""

        def written(value: float) -> str:
            return number(value, digits, sign)

        kept = self.count - self.lost
        if self.count == 0 or (math.isnan(self.middle) and not self.lost):
            return NOTHING
        if kept == 0:
            return self.lost_as
        spread = written(self.low) if kept == 1 else f"{written(self.low)} … {written(self.high)}"
        if self.lost:
            rest = f", median {written(self.middle)}" if math.isfinite(self.middle) else f" ({spread})"
            return f"{kept}/{self.count} ok{rest}"
        middle = f"{self.bound} {written(self.middle)}".strip()
        if kept == 1 or self.bound:
            return middle
        return f"{middle} ({spread})" if kept <= FEW else f"{middle} [{written(self.low)}, {written(self.high)}]"


def number(value: float, digits: int = DIGITS, sign: bool = False) -> str:
    """A measured number as text, for every figure, table and page: 0.912, −0.500, inf."""
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def estimate(values: Iterable[float]) -> Estimate:
    """The estimate from one value per run. An infinite value means that the run was lost; NaN that it has no value."""
    present = np.array([value for value in values if not math.isnan(value)], dtype=float)
    if not len(present):
        return Estimate(math.nan, math.nan, math.nan, 0)
    middle, low, high = (float(part[0]) for part in summary(present[:, None]))
    return Estimate(middle, low, high, len(present), int(np.isinf(present).sum()))


def summary(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(seeds, points) -> middle, low, high, each (points,). An infinite value means that the run was lost.

    The middle is the median of all runs, so a lost run counts as the worst. Low and high use the runs that were not
    lost. Up to five: their range. From six on: the 95 % percentile interval of their median, by the bootstrap (Efron,
    Annals of Statistics 1979) with 2000 resamples of a fixed stream. NaN where all were lost.
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
    from scipy.stats import bootstrap  # its import takes a third of PyTorch's time, and few seeds do not need it

    interval = bootstrap(
        (values,), np.median, axis=0, method="percentile", confidence_level=LEVEL, n_resamples=RESAMPLES, batch=100,
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return interval.low, interval.high


def named(counts: Sequence[int]) -> str:
    """The name of the statistic for groups of so many seeds, for captions; empty: every group is one run."""
    few, many = any(1 < count <= FEW for count in counts), any(count > FEW for count in counts)
    if few and many:
        return f"median · range up to {FEW} seeds, else 95 % bootstrap interval"
    return "median and range of the seeds" if few else "median and 95 % bootstrap interval" if many else ""
