from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Draws


@dataclass(frozen=True, kw_only=True)
class Same:
    """A Byzantine worker computes `speed` times as fast as an honest one with its id would.

    Flooding is speed > 1, starvation is speed < 1.
    """

    speed: float

    def __post_init__(self) -> None:
        require(0 < self.speed < np.inf, "delay.byzantine", "0 < speed < inf", speed=self.speed)

    def check_part(self, who: str, num_workers: int) -> None:
        """Any number of workers will do."""

    def liars(self, honest: np.ndarray, draws: Draws, workers: range, serials: range) -> np.ndarray:
        return honest / self.speed
