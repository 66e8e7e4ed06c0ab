from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from byzsgd.codes.decoding import require_stragglers
from byzsgd.codes.rounds import CodeContext, Decoded, added, require_no_rule
from byzsgd.interfaces import Rule


@dataclass(frozen=True, kw_only=True)
class Uncoded:
    """Worker i computes part i and nothing else.

    s = 0: the server waits for all workers (the uncoded master). s > 0: it takes the first n − s messages and scales
    their sum by n / (n − s). Then every round misses the parts of the slowest workers. If some workers are always slow,
    their data never count, and the direction is biased.
    """

    stragglers: int

    def check(self, num_workers: int, rule: Rule | None = None) -> None:
        require_stragglers("code none", self.stragglers, num_workers)
        require_no_rule("code none", rule)

    def use(self, context: CodeContext) -> UncodedInUse:
        return UncodedInUse(np.eye(len(context.sizes)), self.stragglers, sum(context.sizes))


@dataclass(frozen=True, eq=False)
class UncodedInUse:
    """`Uncoded` for one run."""

    coefficients: np.ndarray
    stragglers: int
    examples: int

    def decoded(self, arrived: Mapping[int, Tensor], number: int) -> Decoded | None:
        n = len(self.coefficients)
        if len(arrived) < n - self.stragglers:
            return None
        total = added((1.0, arrived[worker]) for worker in sorted(arrived))
        return Decoded(total.mul_(n / (len(arrived) * self.examples)))
