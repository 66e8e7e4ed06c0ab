from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes


@dataclass(frozen=True, kw_only=True)
class Uniform(JobTimes):
    """U[low, high) seconds: no tail at all."""

    low: float
    high: float

    def __post_init__(self) -> None:
        require(
            0 <= self.low < self.high < np.inf, "uniform delay", "0 <= low < high < inf", low=self.low, high=self.high
        )

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return self.low + (self.high - self.low) * uniform

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        return np.clip((np.asarray(seconds) - self.low) / (self.high - self.low), 0.0, 1.0)

    @property
    def expectation(self) -> float:
        return (self.low + self.high) / 2

    @property
    def variance(self) -> float:
        return (self.high - self.low) ** 2 / 12
