from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes


@dataclass(frozen=True, kw_only=True)
class ShiftedExponential(JobTimes):
    """`shift` seconds plus an exponential number of seconds with mean `mean`.

    The slowest of n takes shift + mean·(1 + 1/2 + … + 1/n) in the mean (Lee, Lam, Pedarsani, Papailiopoulos,
    Ramchandran: Speeding Up Distributed Machine Learning Using Codes; IEEE Transactions on Information Theory 2018,
    arXiv 1512.02673).
    """

    shift: float
    mean: float

    def __post_init__(self) -> None:
        needs = "0 <= shift < inf and 0 < mean < inf"
        valid = 0 <= self.shift < np.inf and 0 < self.mean < np.inf
        require(valid, "shifted_exponential delay", needs, shift=self.shift, mean=self.mean)

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.asarray(self.shift - self.mean * np.log1p(-uniform))

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        return np.asarray(-np.expm1(-np.maximum(np.asarray(seconds) - self.shift, 0.0) / self.mean))

    @property
    def expectation(self) -> float:
        return self.shift + self.mean

    @property
    def variance(self) -> float:
        return float(self.mean) ** 2
