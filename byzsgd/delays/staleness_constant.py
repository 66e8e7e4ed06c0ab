from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .staleness_law import StalenessLaw


@dataclass(frozen=True, kw_only=True)
class StalenessConstant(StalenessLaw):
    """Prescribed staleness: every job read the model `max` updates ago."""

    def __post_init__(self) -> None:
        self.check_max()

    def at_most(self, staleness: np.ndarray) -> np.ndarray:
        return np.where(staleness >= self.max, 1.0, 0.0)
