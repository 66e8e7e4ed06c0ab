from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require


@dataclass(frozen=True, kw_only=True)
class Stragglers:
    """The last `count` workers take `factor` times as long, for ever.

    A straggler that sleeps 100 times its computation is factor 101 (Mishchenko, Bach, Even, Woodworth: Asynchronous SGD
    Beats Minibatch SGD Under Arbitrary Delays; NeurIPS 2022, arXiv 2206.07638).
    """

    count: int
    factor: float

    def __post_init__(self) -> None:
        valid = self.count >= 0 and 0 < self.factor < np.inf
        require(valid, "stragglers", "count >= 0 and 0 < factor < inf", count=self.count, factor=self.factor)

    def factors(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        require(self.count <= num_workers, "stragglers", "count <= n", count=self.count, num_workers=num_workers)
        return np.where(np.arange(num_workers) >= num_workers - self.count, float(self.factor), 1.0)
