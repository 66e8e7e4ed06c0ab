from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require
from byzsgd.codes.decoding import require_stragglers
from byzsgd.codes.rounds import CodeContext, Linear, require_no_rule
from byzsgd.interfaces import Rule


@dataclass(frozen=True, kw_only=True)
class Cyclic:
    """Worker i adds up the parts i … i + s (mod n) with random coefficients, drawn once: any n − s workers decode.

    H (s, n) is normal; its last column is minus the sum of the others. B_ii = 1, and the rest of row i solves B Hᵀ = 0.
    The decoding coefficients of an unlucky draw are large (27,063 at n = 12, s = 3 in one of three). They multiply the
    rounding errors of the messages.

    Tandon, Lei, Dimakis, Karampatziakis: Gradient Coding; ICML 2017, arXiv 1612.03301, algorithm 2.
    """

    stragglers: int

    def check(self, num_workers: int, rule: Rule | None = None) -> None:
        require_no_rule("cyclic", rule)
        require_stragglers("cyclic", self.stragglers, num_workers)

    def matrix(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        """(n, n) float64, drawn from `rng`."""
        self.check(num_workers)
        parity = rng.standard_normal((self.stragglers, num_workers))
        parity[:, -1] = -parity[:, :-1].sum(axis=1)
        return self.from_parity(parity)

    def use(self, context: CodeContext) -> Linear:
        return Linear.of(self, context)

    @staticmethod
    def from_parity(parity: np.ndarray) -> np.ndarray:
        """(s, n) H, whose rows sum to 0 -> (n, n) B with B Hᵀ = 0 and B_ii = 1."""
        h = np.asarray(parity, dtype=np.float64)
        s, n = h.shape
        require(bool(np.abs(h.sum(axis=1)).max(initial=0.0) <= 1e-9 * max(np.abs(h).max(initial=0.0), 1.0)), "cyclic",
                "a parity matrix whose rows sum to 0", sums=h.sum(axis=1))  # fmt: skip
        matrix = np.eye(n)
        for row in range(n):
            rest = (row + 1 + np.arange(s)) % n
            matrix[row, rest] = -np.linalg.solve(h[:, rest], h[:, row])
        return matrix
