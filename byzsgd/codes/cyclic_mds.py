from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require
from byzsgd.codes.decoding import require_stragglers
from byzsgd.codes.rounds import CodeContext, Linear, require_no_rule
from byzsgd.interfaces import Rule


@dataclass(frozen=True, kw_only=True)
class CyclicMds:
    """Worker i adds up the parts i … i + s (mod n) with one polynomial's coefficients: any n − s workers decode.

    The zeros of the polynomial are the n-th roots of unity number (n − s + 1)/2 … (n + s − 1)/2, and its lowest
    coefficient is 1. It is real if n − s is odd, or s = 0. Nothing is drawn, and the decoding coefficients stay small
    (1 to 4 up to n = 12).

    Raviv, Tamo, Tandon, Dimakis: Gradient Coding from Cyclic MDS Codes and Expander Graphs; ICML 2018, arXiv
    1707.03858.
    """

    stragglers: int

    def check(self, num_workers: int, rule: Rule | None = None) -> None:
        require_no_rule("cyclic_mds", rule)
        s = self.stragglers
        require_stragglers("cyclic_mds", s, num_workers)
        require(s == 0 or (num_workers - s) % 2 == 1, "cyclic_mds", "num_workers - stragglers odd (code=cyclic takes "
                "the others)", stragglers=s, num_workers=num_workers)  # fmt: skip

    def matrix(self, num_workers: int, rng: np.random.Generator | None = None) -> np.ndarray:
        """(n, n) float64, a circulant."""
        self.check(num_workers)
        n, s = num_workers, self.stragglers
        zeros = np.exp(2j * np.pi * np.arange((n - s + 1) // 2, (n - s + 1) // 2 + s) / n)
        coefficients = np.atleast_1d(np.poly(zeros)).real[::-1]  # lowest power first
        matrix = np.zeros((n, n))
        for row in range(n):
            matrix[row, (row + np.arange(s + 1)) % n] = coefficients / coefficients[0]
        return matrix

    def use(self, context: CodeContext) -> Linear:
        return Linear.of(self, context)
