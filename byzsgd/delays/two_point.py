"""The base class of laws with two durations."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes


@dataclass(frozen=True, kw_only=True)
class TwoPoint(JobTimes):
    """A job takes `fast` or `slow` seconds; each law defines how they alternate."""

    fast: float
    slow: float

    def check_points(self, who: str) -> None:
        require(0 < self.fast <= self.slow < np.inf, who, "0 < fast <= slow < inf", fast=self.fast, slow=self.slow)

    @property
    @abstractmethod
    def share_slow(self) -> float:
        """Share of slow jobs."""

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.where(uniform >= 1.0 - self.share_slow, float(self.slow), float(self.fast))

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        seconds = np.asarray(seconds)
        return np.where(seconds >= self.slow, 1.0, np.where(seconds >= self.fast, 1.0 - self.share_slow, 0.0))

    @property
    def expectation(self) -> float:
        return self.fast + (self.slow - self.fast) * self.share_slow

    @property
    def variance(self) -> float:
        return (self.slow - self.fast) ** 2 * self.share_slow * (1 - self.share_slow)
