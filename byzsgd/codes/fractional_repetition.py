from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from byzsgd.checks import require
from byzsgd.codes.decoding import require_stragglers
from byzsgd.codes.groups import Grouped, Groups
from byzsgd.codes.rounds import CodeContext, Decoded, added, require_no_rule
from byzsgd.interfaces import Rule


@dataclass(frozen=True, kw_only=True)
class FractionalRepetition:
    """Groups of s + 1 consecutive workers with the same s + 1 parts: the first message of every group is enough.

    Each worker sends the plain sum of the group's parts. Needs (s + 1) | n.

    Tandon, Lei, Dimakis, Karampatziakis: Gradient Coding; ICML 2017, arXiv 1612.03301.
    """

    stragglers: int

    def check(self, num_workers: int, rule: Rule | None = None) -> None:
        require_no_rule("fractional_repetition", rule)
        s = self.stragglers
        require_stragglers("fractional_repetition", s, num_workers)
        require(num_workers % (s + 1) == 0, "fractional_repetition", "(stragglers + 1) to divide the number of workers",
                stragglers=s, num_workers=num_workers)  # fmt: skip

    def matrix(self, num_workers: int, rng: np.random.Generator | None = None) -> np.ndarray:
        """(n, n) float64, ones on the blocks of the groups."""
        self.check(num_workers)
        return Groups(self.stragglers + 1, (1,) * num_workers).coefficients

    def use(self, context: CodeContext) -> FractionalRepetitionInUse:
        return FractionalRepetitionInUse(Groups(self.stragglers + 1, context.sizes))


@dataclass(frozen=True, eq=False)
class FractionalRepetitionInUse(Grouped):
    """`FractionalRepetition` for one run."""

    def decoded(self, arrived: Mapping[int, Tensor], number: int) -> Decoded | None:
        firsts: dict[int, Tensor] = {}
        for worker, vector in arrived.items():
            firsts.setdefault(worker // self.groups.replicas, vector)
        if len(firsts) < len(self.groups.members):
            return None
        total = added((1.0, firsts[group]) for group in sorted(firsts))
        return Decoded(total.div_(sum(self.groups.sizes)))
