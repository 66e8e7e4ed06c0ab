"""Attacks that carry another one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

from torch import Tensor

from byzsgd.attacks.declaration import lift
from byzsgd.interfaces import AdversaryContext, Attack, Batch, Knowledge, Message, View


@dataclass
class Carried:
    """The State of an attack with a payload: the liars, and the payload's own State."""

    context: AdversaryContext
    payload: object


@dataclass(frozen=True, kw_only=True)
class Carrier(Attack):
    """An attack whose vectors, data and timing are those of another, but for what it overrides."""

    payload: Any
    sees: Knowledge = field(init=False, repr=False, default="own")
    timed: bool = field(init=False, repr=False, default=False)

    def __post_init__(self) -> None:
        payload = lift(self.payload)
        object.__setattr__(self, "payload", payload)
        object.__setattr__(self, "sees", payload.sees)
        object.__setattr__(self, "timed", payload.timed)

    @property
    def carried(self) -> Attack:
        return cast(Attack, self.payload)

    def init(self, context: AdversaryContext) -> Carried:
        return Carried(context, self.carried.init(context))

    def inner(self, view: View) -> View:
        """The view as the payload gets it: with its own memory."""
        return replace(view, memory=cast(Carried, view.memory).payload)

    def poison(self, batch: Batch) -> Batch:
        return self.carried.poison(batch)

    def forge(self, view: View) -> Tensor | Message:
        return self.carried.forge(self.inner(view))

    def duration(self, view: View, honest_seconds: float) -> float:
        return self.carried.duration(self.inner(view), honest_seconds)

    def release(self, view: View) -> bool:
        return self.carried.release(self.inner(view))
