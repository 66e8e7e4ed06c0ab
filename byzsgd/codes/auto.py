from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.codes.cyclic import Cyclic
from byzsgd.codes.cyclic_mds import CyclicMds
from byzsgd.codes.decoding import require_stragglers
from byzsgd.codes.fractional_repetition import FractionalRepetition
from byzsgd.codes.rounds import CodeContext, CodeInUse, require_no_rule
from byzsgd.interfaces import Rule


@dataclass(frozen=True, kw_only=True)
class Auto:
    """fractional_repetition where (s + 1) | n, else cyclic_mds where n − s is odd, else cyclic.

    Of the codes that exist for n and s, it is the one with the smallest decoding coefficients.
    """

    stragglers: int

    def check(self, num_workers: int, rule: Rule | None = None) -> None:
        require_no_rule("code auto", rule)
        require_stragglers("code auto", self.stragglers, num_workers)

    def chosen(self, num_workers: int) -> FractionalRepetition | CyclicMds | Cyclic:
        """The code of n workers."""
        self.check(num_workers)
        if num_workers % (self.stragglers + 1) == 0:
            return FractionalRepetition(stragglers=self.stragglers)
        if (num_workers - self.stragglers) % 2 == 1:
            return CyclicMds(stragglers=self.stragglers)
        return Cyclic(stragglers=self.stragglers)

    def matrix(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        """(n, n) float64."""
        return self.chosen(num_workers).matrix(num_workers, rng)

    def use(self, context: CodeContext) -> CodeInUse:
        return self.chosen(len(context.sizes)).use(context)
