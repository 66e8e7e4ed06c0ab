from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from byzsgd.aggregators.rows import beside_raw
from byzsgd.interfaces import Arrival, Collected, Reply, ServerContext
from byzsgd.interfaces.compiled import Slot, compiled_as


@dataclass
class RoundState:
    """What has been accepted in this round, by worker."""

    num_workers: int
    vectors: dict[int, Tensor] = field(default_factory=dict)
    raw: dict[int, Tensor] = field(default_factory=dict)


@compiled_as("round")
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

    def lay_out(self, state: RoundState) -> tuple[Slot, ...]:
        return tuple(Slot(worker, worker, vector, state.raw[worker], 1) for worker, vector in state.vectors.items())

    def take_back(self, state: RoundState, slots: Sequence[Slot]) -> None:
        state.vectors = {each.worker: each.vector for each in slots}
        state.raw = {each.worker: each.raw for each in slots}

    def add(self, state: RoundState, arrival: Arrival, vector: Tensor, raw: Tensor) -> Collected | None:
        state.vectors[arrival.worker] = vector
        state.raw[arrival.worker] = raw
        if len(state.vectors) < state.num_workers:
            return None
        workers = tuple(range(state.num_workers))
        vectors, raws = beside_raw(map(state.vectors.__getitem__, workers), map(state.raw.__getitem__, workers))
        state.vectors, state.raw = {}, {}
        return Collected(vectors, raws, None, workers)
