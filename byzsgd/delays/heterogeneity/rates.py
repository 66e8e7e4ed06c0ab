from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The speed of worker i (from 0) is proportional to (i + 1)^power; the workers together are as fast as equal ones.

    Its computation takes 1/(n·s_i) times as long, with s_i = (i + 1)^power / Σ_j (j + 1)^power. With exponential delays
    s_i is its share of the arrivals. Powers 1 and 2 give the arrivals in proportion to id and id² of Dahan, Levy:
    Weight for robustness: a comprehensive approach towards optimal fault-tolerant asynchronous ML, NeurIPS 2024,
    arXiv 2501.09621.
    """

    power: float

    def __post_init__(self) -> None:
        require(0 <= self.power < np.inf, "rates heterogeneity", "0 <= power < inf", power=self.power)

    def factors(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        # Relative to the fastest worker: n^power itself may overflow.
        speeds = (np.arange(1.0, num_workers + 1.0) / num_workers) ** self.power
        require(bool((speeds > 0).all()), "rates heterogeneity", "speeds above 0 (a smaller power)", power=self.power)
        return np.asarray(speeds.sum() / (num_workers * speeds))
