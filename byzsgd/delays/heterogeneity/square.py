from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Square:
    """Worker i (from 0) takes (i + 1)² times as long."""

    def factors(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        return np.arange(1.0, num_workers + 1.0) ** 2
