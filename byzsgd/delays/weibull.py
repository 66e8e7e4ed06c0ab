from __future__ import annotations

from dataclasses import dataclass
from math import gamma

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes


@dataclass(frozen=True, kw_only=True)
class Weibull(JobTimes):
    """P(seconds > t) = exp(−(t/scale)^shape): exponential for shape 1, a heavy tail below 1, a light one above."""

    shape: float
    scale: float

    def __post_init__(self) -> None:
        valid = 0 < self.shape < np.inf and 0 < self.scale < np.inf
        require(valid, "weibull delay", "0 < shape < inf and 0 < scale < inf", shape=self.shape, scale=self.scale)

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.asarray(self.scale * (-np.log1p(-uniform)) ** (1.0 / self.shape))

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        return np.asarray(-np.expm1(-((np.maximum(seconds, 0.0) / self.scale) ** self.shape)))

    @property
    def expectation(self) -> float:
        return self.scale * gamma(1 + 1 / self.shape)

    @property
    def variance(self) -> float:
        return self.scale**2 * gamma(1 + 2 / self.shape) - self.expectation**2
