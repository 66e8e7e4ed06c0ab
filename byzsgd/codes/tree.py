"""The tree of CodedReduce: which worker computes which examples, and which one waits for which."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from byzsgd.checks import require
from byzsgd.codes.auto import Auto

ROOT = -1  # the server, which computes nothing


@dataclass(frozen=True)
class Tree:
    """N = n + n² + … + n^L workers below a root; every parent waits for n − s of its n children (Reisizadeh, Prakash,
    Pedarsani, Avestimehr: CodedReduce: A Fast and Robust Framework for Gradient Aggregation in Distributed Learning;
    arXiv 1902.01981).

    Ids are breadth first: the children of the root are 0 … n − 1, those of worker w are n(w + 1) … n(w + 1) + n − 1. If
    a parent does not wait for a child, the whole subtree of the child is lost.
    """

    children: int  # n
    layers: int  # L
    stragglers: int  # s, of every parent

    def __post_init__(self) -> None:
        require(self.children >= 1, "tree", "children >= 1", children=self.children)
        require(self.layers >= 1, "tree", "layers >= 1", layers=self.layers)
        require(0 <= self.stragglers < self.children, "tree", "0 <= stragglers < children", stragglers=self.stragglers,
                children=self.children)  # fmt: skip

    @property
    def num_workers(self) -> int:
        """N."""
        return sum(self.children**layer for layer in range(1, self.layers + 1))

    @cached_property
    def _load(self) -> Fraction:
        ratio = Fraction(self.children, self.stragglers + 1)
        return 1 / sum((ratio**layer for layer in range(1, self.layers + 1)), Fraction())

    @property
    def load(self) -> float:
        """r = 1 / Σ_l (n / (s + 1))^l, l = 1 … L: the share of the data that each worker computes."""
        return float(self._load)

    @cached_property
    def least_examples(self) -> int:
        """The least number of examples at which every share is a whole number. The others are its multiples."""
        held, whole = Fraction(1), self._load.denominator
        for _ in range(self.layers):
            piece = held / self.children
            whole = math.lcm(whole, piece.denominator)
            held = (self.stragglers + 1) * piece - self._load
        return whole

    def parent(self, worker: int) -> int:
        """The parent of a worker: another worker, or ROOT."""
        return worker // self.children - 1

    def children_of(self, node: int) -> range:
        """The children of `node` (a worker, or ROOT); empty: it is a leaf."""
        first = self.children * (node + 1)
        return range(first, first + self.children) if first < self.num_workers else range(0)

    def allocate(
        self, examples: int, rng: np.random.Generator, matrix: np.ndarray | None = None
    ) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """For every worker the (m,) numbers of its examples and the (m,) weights of their gradients, m = load·examples.

        The allocation goes from the root down. The set of a parent is cut into n equal consecutive pieces. Child i gets
        the pieces of row i of the code, their weights multiplied by its coefficients. A child with children keeps the
        first m examples and hands on the rest in the same way. `matrix` (n, n): the code of every parent; None: `auto`.
        """
        least = self.least_examples
        require(examples >= 1 and examples % least == 0, "tree", f"a multiple of {least} examples, so that every share "
                f"is whole (the next one is {-(-max(examples, 1) // least) * least})", examples=examples)  # fmt: skip
        code = Auto(stragglers=self.stragglers).matrix(self.children, rng) if matrix is None else matrix
        own = int(self._load * examples)
        shares: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        below = {ROOT: (np.arange(examples), np.ones(examples))}
        for node in range(ROOT, self.num_workers):
            numbers, weights = below.pop(node)
            if node != ROOT:
                shares[node] = numbers[:own], weights[:own]
                numbers, weights = numbers[own:], weights[own:]
            pieces = np.split(np.arange(len(numbers)), self.children)
            for row, child in zip(code, self.children_of(node), strict=False):
                chosen = np.flatnonzero(row)
                at = np.concatenate([pieces[piece] for piece in chosen])
                below[child] = numbers[at], weights[at] * np.repeat(row[chosen], len(pieces[0]))
        return tuple(shares[worker] for worker in range(self.num_workers))
