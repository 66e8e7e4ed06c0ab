from __future__ import annotations

from dataclasses import dataclass
from math import exp, pi, sqrt

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes
from .special import ndtr, ndtri


@dataclass(frozen=True, kw_only=True)
class Normal(JobTimes):
    """N(mean, std²) given that it is positive: a draw that is not positive is drawn again.

    With a = −mean/std and h = φ(a)/(1 − Φ(a)), its mean is mean + std·h and its variance std²(1 + a·h − h²).

    BASGD's delays are |N(0, 1)|, which is this law with mean 0 and std 1 (Yang, Li; ICML 2021, arXiv 2003.00937).
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        needs = "0 < std < inf and mean > -8 std"
        require(0 < self.std < np.inf and -8 * self.std < self.mean < np.inf, "normal delay", needs, **self._settings)

    @property
    def _settings(self) -> dict[str, float]:
        return {"mean": self.mean, "std": self.std}

    @property
    def _lost(self) -> float:
        """Probability of a draw that is not positive."""
        return float(ndtr(-self.mean / self.std))

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        # By the upper tail: probabilities near 1 would lose their last digits.
        return np.asarray(np.maximum(self.mean - self.std * ndtri((1.0 - uniform) * (1.0 - self._lost)), 0.0))

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        below = ndtr((np.maximum(seconds, 0.0) - self.mean) / self.std)
        return np.asarray((below - self._lost) / (1.0 - self._lost))

    @property
    def _hazard(self) -> tuple[float, float]:
        start = -self.mean / self.std
        return start, exp(-(start**2) / 2) / sqrt(2 * pi) / float(ndtr(-start))

    @property
    def expectation(self) -> float:
        return self.mean + self.std * self._hazard[1]

    @property
    def variance(self) -> float:
        start, hazard = self._hazard
        return self.std**2 * (1 + start * hazard - hazard**2)
