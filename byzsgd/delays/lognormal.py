from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes
from .special import ndtr, ndtri


@dataclass(frozen=True, kw_only=True)
class Lognormal(JobTimes):
    """exp(N(mu, sigma²)) seconds: median e^mu, mean e^(mu + sigma²/2), all moments finite but a heavy tail."""

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        valid = -np.inf < self.mu < np.inf and 0 < self.sigma < np.inf
        require(valid, "lognormal delay", "a finite mu and 0 < sigma < inf", mu=self.mu, sigma=self.sigma)

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(self.mu - self.sigma * ndtri(1.0 - uniform)))

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        positive = np.maximum(seconds, np.finfo(np.float64).tiny)
        return ndtr((np.log(positive) - self.mu) / self.sigma)

    @property
    def expectation(self) -> float:
        return exp(self.mu + self.sigma**2 / 2)

    @property
    def variance(self) -> float:
        return expm1(self.sigma**2) * self.expectation**2
