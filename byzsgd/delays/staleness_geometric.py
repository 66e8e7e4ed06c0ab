from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require

from .staleness_law import StalenessLaw


@dataclass(frozen=True, kw_only=True)
class StalenessGeometric(StalenessLaw):
    """Prescribed staleness: P(τ = k) = p(1 − p)^k with p = `probability`, at most `max`.

    With Poisson arrivals, a worker with the share p of all arrivals has this staleness.
    """

    probability: float

    def __post_init__(self) -> None:
        self.check_max()
        valid = 0 < self.probability <= 1
        require(valid, "staleness_geometric", "0 < probability <= 1", probability=self.probability)

    def at_most(self, staleness: np.ndarray) -> np.ndarray:
        return np.asarray(1.0 - (1.0 - self.probability) ** (staleness + 1.0))
