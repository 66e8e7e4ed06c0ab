from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes


@dataclass(frozen=True, kw_only=True)
class Pareto(JobTimes):
    """P(seconds > t) = (scale/t)^shape for t >= scale: a tail so heavy that moments fail to exist.

    shape <= 2: infinite variance; shape <= 1: infinite mean too.
    """

    shape: float
    scale: float

    def __post_init__(self) -> None:
        valid = 0 < self.shape < np.inf and 0 < self.scale < np.inf
        require(valid, "pareto delay", "0 < shape < inf and 0 < scale < inf", shape=self.shape, scale=self.scale)

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.asarray(self.scale * (1.0 - uniform) ** (-1.0 / self.shape))

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        return np.asarray(1.0 - (self.scale / np.maximum(seconds, self.scale)) ** self.shape)

    @property
    def expectation(self) -> float:
        return self.scale * self.shape / (self.shape - 1) if self.shape > 1 else np.inf

    @property
    def variance(self) -> float:
        if self.shape <= 2:
            return np.inf
        return self.scale**2 * self.shape / ((self.shape - 1) ** 2 * (self.shape - 2))
