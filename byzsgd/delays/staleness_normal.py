from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require

from .special import ndtr
from .staleness_law import StalenessLaw


@dataclass(frozen=True, kw_only=True)
class StalenessNormal(StalenessLaw):
    """Prescribed staleness: τ = round(max(0, N(mean, std²))), at most `max`; std is a standard deviation.

    d1 is N(6, 2) and d2 is N(12, 4), capped at mean + 3·std, as the simulator of FLeet draws them (Damaskinos,
    Guerraoui, Kermarrec, Nitu, Patra, Taïani; Middleware 2020, arXiv 2006.07273), the code base of Kardam's authors.
    Differs: FLeet draws from a generator shared by all; here the j-th job of a worker has its own number.
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        self.check_max()
        valid = -np.inf < self.mean < np.inf and 0 < self.std < np.inf
        require(valid, "staleness_normal", "a finite mean and 0 < std < inf", mean=self.mean, std=self.std)

    def at_most(self, staleness: np.ndarray) -> np.ndarray:
        return ndtr((staleness + 0.5 - self.mean) / self.std)
