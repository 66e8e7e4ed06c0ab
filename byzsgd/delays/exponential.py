from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes


@dataclass(frozen=True, kw_only=True)
class Exponential(JobTimes):
    """Exp with the given `mean`: arrivals are Poisson, and staleness is geometric.

    P(seconds > t) = exp(−t/mean).
    """

    mean: float

    def __post_init__(self) -> None:
        require(0 < self.mean < np.inf, "exponential delay", "0 < mean < inf", mean=self.mean)

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.asarray(-self.mean * np.log1p(-uniform))

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        return np.asarray(-np.expm1(-np.maximum(seconds, 0.0) / self.mean))

    @property
    def expectation(self) -> float:
        return float(self.mean)

    @property
    def variance(self) -> float:
        return float(self.mean) ** 2
