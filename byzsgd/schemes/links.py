"""Who is whose neighbour in which round, with which weight, and what is drawn in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.graphs.edges import is_connected
from byzsgd.interfaces import Graph, Mixing
from byzsgd.interfaces.values import Stream
from byzsgd.schemes.mixing.spectrum import gap_of

PICTURE_NODES = 100  # nodes; of more, a picture says nothing
MEMO_ROUNDS = 4  # rounds; neighbours are at most one apart, so few are in use at a time


@dataclass(frozen=True)
class Links:
    """The neighbours of one round."""

    neighbours: tuple[tuple[int, ...], ...]  # of every node, ascending
    weights: tuple[Tensor, ...]  # (k,) of every node, float64

    @classmethod
    def of(cls, weights: np.ndarray) -> Links:
        """From W (n, n)."""
        off = weights - np.diag(np.diag(weights))
        neighbours = [np.flatnonzero(row) for row in off]
        rows = [torch.from_numpy(row[where]) for row, where in zip(off, neighbours, strict=True)]
        return cls(tuple(tuple(where.tolist()) for where in neighbours), tuple(rows))


@dataclass(frozen=True, eq=False)
class Network:
    """A graph with its weights, as one run has it."""

    num_workers: int
    draw: Callable[[int], Links] | None  # round -> its neighbours, where every round has others
    fixed: Links | None
    weights: np.ndarray | None  # (n, n) of a graph that stays
    memo: dict[int, Links] = field(default_factory=dict, repr=False)  # of a pure function

    @classmethod
    def of(cls, graph: Graph, mixing: Mixing, lazy: float, num_workers: int, stream: Stream) -> Network:
        """ValueError for a graph that falls into pieces, and for one that these weights do not fit."""
        n = num_workers

        def weights(number: int) -> np.ndarray:
            return lazy_weights(mixing(graph(n, stream("graph", 0, number))), lazy)

        if graph.varying:
            weights(0)  # what is impossible is refused now
            return cls(n, lambda number: Links.of(weights(number)), None, None)
        adjacency = graph(n, stream("graph", 0, 0))
        edges = int(adjacency.sum()) // 2
        require(is_connected(adjacency), "the graph", "to be connected", nodes=n, edges=edges)
        fixed = lazy_weights(mixing(adjacency), lazy)
        return cls(n, None, Links.of(fixed), fixed)

    @cached_property
    def facts(self) -> dict[str, object]:
        """For the record, of a graph that stays: `edges`, `spectral_gap` 1 − ρ, `least_eigenvalue` of W; `graph`, the
        pairs of neighbours, of few nodes."""
        if self.fixed is None:
            return {}
        pairs = [[i, j] for i, others in enumerate(self.fixed.neighbours) for j in others if i < j]
        picture = {"graph": pairs} if self.num_workers <= PICTURE_NODES else {}
        numbers = {"edges": len(pairs), "spectral_gap": self.gap, "least_eigenvalue": self.least_eigenvalue}
        return {**numbers, **picture}

    @property
    def gap(self) -> float:
        """1 − ρ; ValueError where every round has another graph."""
        return gap_of(self._eigenvalues)

    @property
    def least_eigenvalue(self) -> float:
        """λ_min of W; ValueError where every round has another graph."""
        return float(self._eigenvalues[0])

    @cached_property
    def _eigenvalues(self) -> np.ndarray:
        if self.weights is None:
            raise ValueError("a spectral gap needs a graph that stays; got graph=matching")
        return np.linalg.eigvalsh(self.weights)

    def at(self, number: int) -> Links:
        """The neighbours of a round."""
        if self.fixed is not None:
            return self.fixed
        assert self.draw is not None
        links = self.memo.get(number)
        if links is None:
            links = self.memo[number] = self.draw(number)
            for old in [each for each in self.memo if each <= number - MEMO_ROUNDS]:
                del self.memo[old]
        return links


def lazy_weights(weights: np.ndarray, share: float) -> np.ndarray:
    """share·W + (1 − share)·I."""
    lazy: np.ndarray = share * weights + (1.0 - share) * np.eye(len(weights))
    return lazy


@dataclass(frozen=True, eq=False)
class Uniforms:
    """The numbers in [0, 1) that an exchange rounds with: of stream `compression`, keyed (node, round), or (0, round)
    where all nodes share them."""

    stream: Stream
    num_parameters: int
    random: bool
    shared: bool
    memo: dict[int, Tensor] = field(default_factory=dict, repr=False)  # round -> the shared ones

    def at(self, node: int, number: int, like: Tensor) -> Tensor | None:
        """(d,) of the type and on the device of `like`; None: the exchange draws nothing."""
        if not self.random:
            return None
        if not self.shared:
            return self._draw(node, number, like)
        uniforms = self.memo.get(number)
        if uniforms is None:
            uniforms = self.memo[number] = self._draw(0, number, like)
            for old in [each for each in self.memo if each <= number - MEMO_ROUNDS]:
                del self.memo[old]
        return uniforms

    def _draw(self, node: int, number: int, like: Tensor) -> Tensor:
        kind = np.float32 if like.dtype == torch.float32 else np.float64
        numbers = self.stream("compression", node, number).random(self.num_parameters, dtype=kind)
        return torch.from_numpy(numbers).to(like.device)
