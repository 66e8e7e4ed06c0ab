from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from byzsgd.aggregators.rows import beside_raw
from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Collected, Reply, ServerContext
from byzsgd.interfaces.compiled import Slot, compiled_as


@dataclass
class BufferState:
    """What has been accepted since the last step, by position."""

    vectors: dict[int, Tensor] = field(default_factory=dict)
    raw: dict[int, Tensor] = field(default_factory=dict)
    workers: dict[int, int] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)  # worker -> its slot, where each has one


@compiled_as("buffer", "size", "slots")
@dataclass(frozen=True, kw_only=True)
class Buffer:
    """A step from every `size` accepted vectors, in order of arrival; the buffer is then emptied.

    With `slots` every worker has one slot: its newer vector replaces its older one there, and the buffer does not
    grow; so `size` different workers stand behind a step. Without, one worker can fill several positions.

    FedBuff: Nguyen, Malik, Zhan, Yousefpour, Rabbat, Malek, Huba: Federated learning with buffered asynchronous
    aggregation, AISTATS 2022, arXiv 2106.06639.
    """

    size: int
    slots: bool
    waiting: ClassVar[Reply] = Reply.DISPATCH
    weighted: ClassVar[bool] = False
    constant_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.size >= 1, "buffer", "size >= 1", size=self.size)

    def check(self, num_workers: int) -> None:
        require(
            not self.slots or self.size <= num_workers,
            "buffer",
            "size <= num_workers when every worker has one slot",
            size=self.size,
            num_workers=num_workers,
        )

    def rows(self, num_workers: int) -> int:
        return self.size

    def init(self, context: ServerContext) -> BufferState:
        return BufferState()

    def lay_out(self, state: BufferState) -> tuple[Slot, ...]:
        return tuple(
            Slot(index, state.workers[index], vector, state.raw[index], 1) for index, vector in state.vectors.items()
        )

    def take_back(self, state: BufferState, slots: Sequence[Slot]) -> None:
        state.vectors = {each.index: each.vector for each in slots}
        state.raw = {each.index: each.raw for each in slots}
        state.workers = {each.index: each.worker for each in slots}
        state.places = {each.worker: each.index for each in slots} if self.slots else {}

    def add(self, state: BufferState, arrival: Arrival, vector: Tensor, raw: Tensor) -> Collected | None:
        index = len(state.vectors)
        if self.slots:
            index = state.places.setdefault(arrival.worker, index)
        state.vectors[index] = vector
        state.raw[index] = raw
        state.workers[index] = arrival.worker
        if len(state.vectors) < self.size:
            return None
        vectors, raws = beside_raw(state.vectors.values(), state.raw.values())
        workers = tuple(state.workers.values())
        state.vectors, state.raw, state.workers, state.places = {}, {}, {}, {}
        return Collected(vectors, raws, None, workers)
