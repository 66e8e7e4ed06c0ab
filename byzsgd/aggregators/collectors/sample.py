from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from byzsgd.aggregators.rows import beside_raw
from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Collected, Reply, ServerContext


@dataclass
class SampleState:
    """Who takes part in this round, and what has been accepted of them, by worker."""

    context: ServerContext
    rounds: int  # before this one, also those whose rule found too few finite rows: such a one is drawn anew too
    clients: tuple[int, ...]
    vectors: dict[int, Tensor] = field(default_factory=dict)
    raw: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Synchronous rounds of `size` clients, drawn anew for every round among all workers, uniformly without
    replacement; the others compute nothing.

    A step once every client of the round has delivered, rows by worker id. With size = num_workers it is `round`. The
    liars among the clients are hypergeometric: more than f of them may come together where size < num_workers.

    McMahan, Moore, Ramage, Hampson, Agüera y Arcas: Communication-efficient learning of deep networks from
    decentralized data, AISTATS 2017, arXiv 1602.05629 (their m = max(C·K, 1) clients of K).
    """

    size: int
    waiting: ClassVar[Reply] = Reply.HOLD
    weighted: ClassVar[bool] = False
    constant_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.size >= 1, "sample", "size >= 1", size=self.size)

    def check(self, num_workers: int) -> None:
        require(self.size <= num_workers, "sample", "size <= num_workers", size=self.size, num_workers=num_workers)

    def rows(self, num_workers: int) -> int:
        return self.size

    def init(self, context: ServerContext) -> SampleState:
        return SampleState(context, 0, self._draw(context, 0))

    def called(self, state: SampleState) -> tuple[int, ...]:
        """The clients of this round."""
        return state.clients

    def add(self, state: SampleState, arrival: Arrival, vector: Tensor, raw: Tensor) -> Collected | None:
        state.vectors[arrival.worker] = vector
        state.raw[arrival.worker] = raw
        if len(state.vectors) < self.size:
            return None
        workers = tuple(sorted(state.vectors))
        vectors, raws = beside_raw(map(state.vectors.__getitem__, workers), map(state.raw.__getitem__, workers))
        state.vectors, state.raw = {}, {}
        state.rounds += 1
        state.clients = self._draw(state.context, state.rounds)
        return Collected(
            vectors, raws, None, workers, Reply.DISPATCH if arrival.worker in state.clients else Reply.HOLD
        )

    def _draw(self, context: ServerContext, number: int) -> tuple[int, ...]:
        require(context.stream is not None, "sample", "a stream of its own to draw the clients from", stream=None)
        assert context.stream is not None
        clients = context.stream("sample", number).choice(context.num_workers, self.size, replace=False)
        return tuple(sorted(int(worker) for worker in clients))
