from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require
from byzsgd.graphs.edges import is_connected

DRAWS = 1000  # attempts at a connected graph


@dataclass(frozen=True, kw_only=True)
class ErdosRenyi:
    """Every pair is joined with this probability, independently. The graph is drawn again until it is connected.

    The draw comes from a stream of the run. With `seed` it depends on that alone, so all runs share the graph.
    Erdős, Rényi: On random graphs I (Publicationes Mathematicae Debrecen 1959).
    """

    probability: float
    seed: int | None = None
    varying = False

    def __post_init__(self) -> None:
        require(
            0 < self.probability <= 1, "the graph erdos_renyi", "0 < probability <= 1", probability=self.probability
        )
        require(self.seed is None or self.seed >= 0, "the graph erdos_renyi", "seed >= 0, or null", seed=self.seed)

    def __call__(self, num_workers: int, rng: np.random.Generator | None = None) -> np.ndarray:
        own = rng if self.seed is None else np.random.default_rng(self.seed)
        if own is None:
            raise ValueError("the graph erdos_renyi needs a seed, or a generator; got neither")
        for _ in range(DRAWS):
            upper = np.triu(own.random((num_workers, num_workers)) < self.probability, 1)
            if is_connected(adjacency := upper | upper.T):
                return adjacency
        raise ValueError(
            "the graph erdos_renyi needs a probability at which a connected graph is likely (log(n)/n or more); "
            f"got probability={self.probability}, num_workers={num_workers}"
        )
