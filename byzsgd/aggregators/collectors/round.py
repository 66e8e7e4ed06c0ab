"""The collector `round`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from byzsgd.interfaces import Arrival, Collected, Reply, ServerContext


@dataclass
class RoundState:
    """What has been accepted in this round, by worker."""

    num_workers: int
    vectors: dict[int, Tensor] = field(default_factory=dict)
    raw: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Round:
    """Synchronous rounds: a step once every worker has delivered, rows by worker id; who has delivered waits (HOLD)."""

    waiting: ClassVar[Reply] = Reply.HOLD
    weighted: ClassVar[bool] = False
    constant_rows: ClassVar[bool] = True

    def check(self, num_workers: int) -> None:
        """Any number of workers will do."""

    def rows(self, num_workers: int) -> int:
        return num_workers

    def init(self, context: ServerContext) -> RoundState:
        return RoundState(context.num_workers)

    def add(self, state: RoundState, arrival: Arrival, vector: Tensor, raw: Tensor) -> Collected | None:
        state.vectors[arrival.worker] = vector
        state.raw[arrival.worker] = raw
        if len(state.vectors) < state.num_workers:
            return None
        workers = tuple(range(state.num_workers))
        vectors = tuple(state.vectors[worker] for worker in workers)
        raws = tuple(state.raw[worker] for worker in workers)
        state.vectors, state.raw = {}, {}
        if all(a is b for a, b in zip(vectors, raws, strict=True)):
            raws = vectors
        return Collected(vectors, raws, None, workers)
