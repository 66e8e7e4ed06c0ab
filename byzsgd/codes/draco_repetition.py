"""The code `draco_repetition`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from byzsgd.codes.groups import Groups, require_replicas
from byzsgd.codes.rounds import CodeContext, Decoded, added, require_no_rule
from byzsgd.interfaces import Rule


@dataclass(frozen=True, kw_only=True)
class DracoRepetition:
    """Groups of r = 2f + 1 workers compute the same r parts and vote: up to f liars change no bit of the direction.

    They vote on whole messages, bit for bit. The direction is the mean of the winners. A round ends when every group
    has f + 1 equal messages or is complete. A complete group without a majority is left out and counted.

    Chen, Wang, Charles, Papailiopoulos: DRACO: Byzantine-resilient Distributed Training via Redundant Gradients; ICML
    2018, arXiv 1803.09877.

    Differs: the authors' code votes layer by layer and takes the last row where there is no majority.
    """

    replicas: int  # r

    def check(self, num_workers: int, rule: Rule | None = None) -> None:
        require_replicas("draco_repetition", self.replicas, num_workers)
        require_no_rule("draco_repetition", rule)

    def use(self, context: CodeContext) -> DracoRepetitionInUse:
        return DracoRepetitionInUse(Groups(self.replicas, context.sizes))


@dataclass(frozen=True, eq=False)
class DracoRepetitionInUse:
    """`DracoRepetition` for one run."""

    groups: Groups

    @property
    def coefficients(self) -> np.ndarray:
        return self.groups.coefficients

    def decoded(self, arrived: Mapping[int, Tensor], number: int) -> Decoded | None:
        winners = self.groups.winners(arrived)
        if winners is None:
            return None
        left_out = len(self.groups.members) - len(winners)
        if not winners:
            return Decoded(None, left_out=left_out)
        total = added((1.0, winner) for winner in winners.values())
        return Decoded(total.div_(sum(map(self.groups.examples, winners))), left_out=left_out)
