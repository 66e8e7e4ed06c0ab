from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes


@dataclass(frozen=True, kw_only=True)
class Constant(JobTimes):
    """Every job takes `value` seconds: with equal workers, rounds in the order of their numbers."""

    value: float

    def __post_init__(self) -> None:
        require(0 < self.value < np.inf, "constant delay", "0 < value < inf", value=self.value)

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.full(np.shape(uniform), float(self.value))

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        return np.where(np.asarray(seconds) >= self.value, 1.0, 0.0)

    @property
    def expectation(self) -> float:
        return float(self.value)

    @property
    def variance(self) -> float:
        return 0.0
