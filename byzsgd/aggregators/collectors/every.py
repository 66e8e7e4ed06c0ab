from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.interfaces import Arrival, Collected, Reply, ServerContext
from byzsgd.interfaces.compiled import Slot, compiled_as


@compiled_as("every")
@dataclass(frozen=True, kw_only=True)
class Every:
    """A step at every accepted arrival, from that vector alone."""

    waiting: ClassVar[Reply] = Reply.DISPATCH
    weighted: ClassVar[bool] = False
    constant_rows: ClassVar[bool] = True

    def check(self, num_workers: int) -> None:
        """Any number of workers will do."""

    def rows(self, num_workers: int) -> int:
        return 1

    def init(self, context: ServerContext) -> None:
        return None

    def lay_out(self, state: None) -> tuple[Slot, ...]:
        return ()

    def take_back(self, state: None, slots: Sequence[Slot]) -> None:
        """Nothing is kept."""

    def add(self, state: None, arrival: Arrival, vector: Tensor, raw: Tensor) -> Collected:
        vectors = (vector,)
        return Collected(vectors, vectors if raw is vector else (raw,), None, (arrival.worker,))
