from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require


@dataclass(frozen=True, kw_only=True)
class Lognormal:
    """Worker i takes exp(N(0, sigma²)) times as long. The median factor is 1."""

    sigma: float

    def __post_init__(self) -> None:
        require(0 < self.sigma < np.inf, "lognormal heterogeneity", "0 < sigma < inf", sigma=self.sigma)

    def factors(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        with np.errstate(over="ignore"):  # the clock refuses factors that are not finite
            return np.asarray(np.exp(self.sigma * rng.standard_normal(num_workers)))
