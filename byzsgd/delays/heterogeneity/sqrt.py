from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require


@dataclass(frozen=True, kw_only=True)
class Sqrt:
    """Worker i (from 0) takes offset + √(i + 1) times as long.

    offset 1 is close to the 1 + √i of Ringmaster's experiments (Maranjyan, Tyurin, Richtárik; ICML 2025,
    arXiv 2501.16168).
    """

    offset: float

    def __post_init__(self) -> None:
        require(self.offset >= 0, "sqrt heterogeneity", "offset >= 0", offset=self.offset)

    def factors(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(self.offset + np.sqrt(np.arange(1.0, num_workers + 1.0)))
