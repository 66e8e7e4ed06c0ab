"""Graphs from lists of edges, and whether a graph is connected."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fixed:
    """A graph that depends on n alone."""

    graph: Callable[[int], np.ndarray]
    varying = False

    def __call__(self, num_workers: int, rng: np.random.Generator | None = None) -> np.ndarray:
        return self.graph(num_workers)


def joined(num_workers: int, edges: Iterable[tuple[int, int]]) -> np.ndarray:
    """(n, n) booleans: the two nodes of every edge are neighbours. A repeated edge counts once; loops do not count."""
    adjacency = np.zeros((num_workers, num_workers), dtype=bool)
    for one, other in edges:
        adjacency[one, other] = adjacency[other, one] = one != other
    return adjacency


def is_connected(adjacency: np.ndarray) -> bool:
    """Whether a path leads from every node to every other."""
    reached = np.zeros(len(adjacency), dtype=bool)
    border = np.array([0])
    while border.size:
        reached[border] = True
        border = np.flatnonzero(adjacency[border].any(axis=0) & ~reached)
    return bool(reached.all())
