"""The base class of all laws of prescribed staleness."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Draws

MOST = 10**6  # the largest `max`: the law is a table of that length, and the kernel may keep as many models


@dataclass(frozen=True, kw_only=True)
class StalenessLaw(ABC):
    """A law of the staleness τ on 0 … max; a draw above `max` counts as `max`.

    Workers have no speed here and no job is in flight. So there is no heterogeneity, no availability and no law of
    liars.
    """

    prescribed: ClassVar[bool] = True

    max: int

    def check(self, num_workers: int) -> None:  # noqa: B027 (nothing to check is an answer)
        """Any number of workers will do."""

    def check_max(self) -> None:
        require(self.max in range(MOST + 1), "prescribed staleness", f"an integer max of 0 to {MOST}", max=self.max)

    @abstractmethod
    def at_most(self, staleness: np.ndarray) -> np.ndarray:
        """P(τ <= k) before the truncation, for k = 0, 1, …"""

    @cached_property
    def cumulative(self) -> np.ndarray:
        """(max + 1,) P(τ <= k) for k = 0 … max."""
        cumulative = np.asarray(self.at_most(np.arange(self.max + 1)), dtype=np.float64).copy()
        cumulative[-1] = 1.0
        return cumulative

    @property
    def probabilities(self) -> np.ndarray:
        """(max + 1,) P(τ = k) for k = 0 … max."""
        return np.diff(self.cumulative, prepend=0.0)

    @property
    def expectation(self) -> float:
        """The mean staleness."""
        return float(np.arange(self.max + 1) @ self.probabilities)

    @property
    def variance(self) -> float:
        """Variance of the staleness."""
        return float((np.arange(self.max + 1) - self.expectation) ** 2 @ self.probabilities)

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        """The least k with P(τ <= k) > uniform."""
        return np.searchsorted(self.cumulative, uniform, side="right").astype(np.int64)

    def cdf(self, staleness: np.ndarray) -> np.ndarray:
        """P(τ <= staleness), with the truncation."""
        last = np.floor(np.asarray(staleness)).astype(np.int64)
        return np.where(last < 0, 0.0, self.cumulative[np.clip(last, 0, self.max)])

    def staleness(self, draws: Draws, workers: range, serials: range) -> np.ndarray:
        return self.quantile(draws(serials))
