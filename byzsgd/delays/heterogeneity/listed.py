from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Worker i takes values[i] times as long: one positive number for each of the n workers."""

    values: Sequence[float]

    def __post_init__(self) -> None:
        for worker, factor in enumerate(self.values):
            require(0 < factor < np.inf, "list heterogeneity", "0 < values < inf", worker=worker, value=factor)

    def factors(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        valid = len(self.values) == num_workers
        require(valid, "list heterogeneity", "one value per worker", values=len(self.values), num_workers=num_workers)
        return np.asarray(self.values, dtype=np.float64)
