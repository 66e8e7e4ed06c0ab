from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require


@dataclass(frozen=True, kw_only=True)
class Dirichlet:
    """Speeds in proportion to Dirichlet(concentration, …) shares s: worker i takes 1/(n·s_i) times as long.

    With exponential delays s_i is the share of the arrivals that come from worker i.
    """

    concentration: float

    def __post_init__(self) -> None:
        valid = 0 < self.concentration < np.inf
        require(valid, "dirichlet heterogeneity", "0 < concentration < inf", concentration=self.concentration)

    def factors(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        shares = rng.dirichlet(np.full(num_workers, float(self.concentration)))
        needs = "shares above 0 (a larger concentration)"
        require(bool((shares > 0).all()), "dirichlet heterogeneity", needs, concentration=self.concentration)
        return np.asarray(1.0 / (num_workers * shares))
