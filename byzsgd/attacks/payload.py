"""Attacks that carry another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from torch import Tensor

from byzsgd.attacks.declaration import Forge, lift
from byzsgd.interfaces import AdversaryContext, Attack, Batch, Knowledge, Message, View
from byzsgd.interfaces.values import derived


@dataclass
class Carried:
    """The State of an attack with a payload: the liars, and the payload's own State."""

    context: AdversaryContext
    payload: object


C = TypeVar("C", bound=Carried)


@dataclass(frozen=True, kw_only=True)
class Remembering(Attack[C]):
    """An attack whose vectors, data and timing are those of another, but for what it overrides.

    Its `init` makes a State of its own kind."""

    payload: Attack | Forge

    def __post_init__(self) -> None:
        # A payload that cannot be lifted is refused here.
        self.carried  # noqa: B018

    @derived
    def carried(self) -> Attack:
        """The payload, lifted."""
        return lift(self.payload)

    @derived
    def sees(self) -> Knowledge:
        return self.carried.sees

    @derived
    def timed(self) -> bool:
        return self.carried.timed

    @derived
    def previews(self) -> bool:
        return self.carried.previews

    @derived
    def neighbours(self) -> bool:
        return self.carried.neighbours

    def inner(self, view: View[C]) -> View:
        """The view as the payload gets it: with its own memory."""
        whole: View = view
        return replace(whole, memory=view.memory.payload)

    def poison(self, batch: Batch) -> Batch:
        return self.carried.poison(batch)

    def wants(self, batch: Batch) -> Batch:
        return self.carried.wants(batch)

    def forge(self, view: View[C]) -> Tensor | Message:
        return self.carried.forge(self.inner(view))

    def duration(self, view: View[C], honest_seconds: float) -> float:
        return self.carried.duration(self.inner(view), honest_seconds)

    def release(self, view: View[C]) -> bool:
        return self.carried.release(self.inner(view))


@dataclass(frozen=True, kw_only=True)
class Carrier(Remembering[Carried]):
    """One that remembers nothing else."""

    def init(self, context: AdversaryContext) -> Carried:
        return Carried(context, self.carried.init(context))
