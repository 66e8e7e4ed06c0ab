"""What bound schemes of nodes that meet their neighbours have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from byzsgd.interfaces import Exchange, World
from byzsgd.schemes.gaps import SCORES, Widest
from byzsgd.schemes.gossip import remarks_of
from byzsgd.schemes.links import Network, Uniforms
from byzsgd.schemes.rules.declaration import RuleInUse


@dataclass(frozen=True, eq=False, kw_only=True)
class Meeting:
    """Nodes with models of their own, an exchange of models, and a State with the `widest` gaps so far."""

    server: ClassVar[bool] = False
    scores: ClassVar[tuple[str, ...]] = SCORES

    network: Network
    exchange: Exchange
    uniforms: Uniforms
    rule: RuleInUse | None  # None: the mean, which the exchange computes itself
    facts: Mapping[str, object]

    def check(self, num_workers: int) -> None:
        """Done when it was bound."""

    def nodes(self, num_workers: int) -> int:
        return num_workers

    def keeps(self, world: World) -> int:
        return 0

    def remarks(self, world: World) -> tuple[str, ...]:
        widest: Widest = world.scheme.widest
        return (*remarks_of(self.facts), *widest.remarks(self.exchange.gap_bound))
