from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from byzsgd.codes.groups import Groups, Voting, require_replicas
from byzsgd.codes.rounds import CodeContext, added, require_no_rule
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
class DracoRepetitionInUse(Voting):
    """`DracoRepetition` for one run."""

    def direction(self, winners: Mapping[range, Tensor], number: int) -> Tensor:
        total = added((1.0, winner) for winner in winners.values())
        return total.div_(sum(map(self.groups.examples, winners)))
