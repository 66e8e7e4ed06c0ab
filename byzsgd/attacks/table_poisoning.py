"""Spoiling Kardam's table while it is being filled."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from byzsgd.attacks.payload import Carried, Remembering
from byzsgd.checks import require
from byzsgd.interfaces import AdversaryContext, Message, View


@dataclass
class Poisoned(Carried):
    """Also the turns that each liar has had, and the vector it began with."""

    turns: dict[int, int] = field(default_factory=dict)
    first: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TablePoisoning(Remembering[Poisoned]):
    """Biases the table of Lipschitz coefficients for the first `until` server updates, then sends the payload.

    `side` high: vectors that swing to and fro by `swing` times their size, so that the liars' coefficients are the
    largest of all and the threshold, the (n−f)-th smallest, becomes the largest honest one; low: the same vector again
    and again, coefficient 0, which makes the threshold the (n−2f)-th smallest honest one and shuts out honest workers.

    Against Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki: Asynchronous Byzantine machine learning (ICML 2018,
    arXiv 1802.07928).
    """

    until: int = 100
    side: Literal["high", "low"] = "high"
    swing: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.until >= 0, "table_poisoning", "until >= 0", until=self.until)
        require(self.side in ("high", "low"), "table_poisoning", "side high or low", side=self.side)
        require(0 < self.swing < math.inf, "table_poisoning", "0 < swing < inf", swing=self.swing)

    def init(self, context: AdversaryContext) -> Poisoned:
        return Poisoned(context, self.carried.init(context))

    def forge(self, view: View[Poisoned]) -> Tensor | Message:
        if view.step >= self.until:
            return super().forge(view)
        memory = view.memory
        turn = memory.turns.get(view.worker, 0)
        memory.turns = {**memory.turns, view.worker: turn + 1}
        if view.worker not in memory.first:
            memory.first = {**memory.first, view.worker: view.own}
        if self.side == "low":
            return memory.first[view.worker]
        return view.own * (self.swing if turn % 2 == 0 else -self.swing)
