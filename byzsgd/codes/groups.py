"""Groups of replicas: r consecutive workers compute the same r parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from byzsgd.checks import require
from byzsgd.codes.rounds import Decoded
from byzsgd.codes.voting import tally


@dataclass(frozen=True, eq=False)
class Groups:
    """The n / r groups of a run."""

    replicas: int  # r
    sizes: tuple[int, ...]  # examples of one batch of each of the n parts

    @cached_property
    def members(self) -> tuple[range, ...]:
        """The workers of every group; its parts have the same numbers."""
        return tuple(range(first, first + self.replicas) for first in range(0, len(self.sizes), self.replicas))

    @property
    def coefficients(self) -> np.ndarray:
        """(n, n) ones on the blocks of the groups."""
        return np.kron(np.eye(len(self.members)), np.ones((self.replicas, self.replicas)))

    def examples(self, group: range) -> int:
        return sum(self.sizes[part] for part in group)

    def winners(self, arrived: Mapping[int, Tensor]) -> dict[range, Tensor] | None:
        """Group -> the message that more than half of its r replicas have sent. A complete group without a majority is
        left out. None: a group may still get a winner."""
        majority = self.replicas // 2 + 1
        present = {group: [arrived[worker] for worker in group if worker in arrived] for group in self.members}
        if any(len(rows) < majority for rows in present.values()):
            return None
        winners: dict[range, Tensor] = {}
        for group, rows in present.items():
            candidate, count = tally(rows)
            if count >= majority:
                winners[group] = candidate
            elif len(rows) < self.replicas:
                return None
        return winners


@dataclass(frozen=True, eq=False)
class Grouped:
    """A code of groups, for one run."""

    groups: Groups

    @property
    def coefficients(self) -> np.ndarray:
        return self.groups.coefficients


class Voting(Grouped, ABC):
    """A code whose groups vote, for one run: a round is over as soon as every group has a winner or can have none."""

    def decoded(self, arrived: Mapping[int, Tensor], number: int) -> Decoded | None:
        winners = self.groups.winners(arrived)
        if winners is None:
            return None
        left_out = len(self.groups.members) - len(winners)
        return Decoded(self.direction(winners, number) if winners else None, left_out=left_out)

    @abstractmethod
    def direction(self, winners: Mapping[range, Tensor], number: int) -> Tensor:
        """(d,) the direction of a round, from the winners of some groups."""


def require_replicas(who: str, replicas: int, num_workers: int) -> None:
    """ValueError unless r is odd and divides n."""
    require(replicas >= 1 and replicas % 2 == 1, who, "an odd number of replicas", replicas=replicas)
    require(num_workers % replicas == 0, who, "replicas to divide the number of workers", replicas=replicas,
            num_workers=num_workers)  # fmt: skip
