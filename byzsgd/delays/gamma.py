from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes
from .special import gammainc, gammaincinv


@dataclass(frozen=True, kw_only=True)
class Gamma(JobTimes):
    """Gamma(shape, scale): as the sum of `shape` exponentials of mean `scale`.

    Mean shape·scale, variance shape·scale².
    """

    shape: float
    scale: float

    def __post_init__(self) -> None:
        valid = 0 < self.shape < np.inf and 0 < self.scale < np.inf
        require(valid, "gamma delay", "0 < shape < inf and 0 < scale < inf", shape=self.shape, scale=self.scale)

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.asarray(self.scale * gammaincinv(self.shape, uniform))

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        return gammainc(self.shape, np.maximum(seconds, 0.0) / self.scale)

    @property
    def expectation(self) -> float:
        return self.shape * self.scale

    @property
    def variance(self) -> float:
        return self.shape * self.scale**2
