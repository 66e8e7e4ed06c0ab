from __future__ import annotations

import numpy as np

from byzsgd.checks import require
from byzsgd.graphs.edges import Fixed


def dumbbell() -> Fixed:
    """Two halves, each of them complete, and one edge between their first nodes, 0 and n/2.

    On it He, Karimireddy, Jaggi: Byzantine-robust decentralized learning via ClippedGossip (2022, arXiv 2202.01545)
    show that rules which drop the outermost neighbours cut the bridge.
    """

    def graph(num_workers: int) -> np.ndarray:
        require(num_workers >= 2 and num_workers % 2 == 0, "the graph dumbbell", "an even number of nodes",
                num_workers=num_workers)  # fmt: skip
        half = num_workers // 2
        side = np.arange(num_workers) < half
        adjacency: np.ndarray = (side[:, None] == side) & ~np.eye(num_workers, dtype=bool)
        adjacency[0, half] = adjacency[half, 0] = True
        return adjacency

    return Fixed(graph)
