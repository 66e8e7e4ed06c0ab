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
class BucketsState:
    """The running mean of every bucket since the last step, its number of vectors, and who sent them."""

    means: dict[int, Tensor] = field(default_factory=dict)
    raw: dict[int, Tensor] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    senders: dict[int, None] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)  # worker -> bucket, where it is not worker mod B

    def empty(self) -> None:
        self.means, self.raw, self.counts, self.senders = {}, {}, {}, {}


@compiled_as("buckets", "buckets", "reassign_after")
@dataclass(frozen=True, kw_only=True)
class Buckets:
    """B buckets, worker i in bucket i mod B: a step from the B bucket means once no bucket is empty.

    h_b ← ((N_b − 1)·h_b + g) / N_b at every arrival of bucket b; all are emptied after the step. However fast a liar
    sends, it spoils one bucket.

    A bucket whose workers have all gone would stay empty for ever. With `reassign_after`, so many accepted vectors
    without a step empty the buckets and deal them out anew to those who sent them: the j-th of these, by id, goes to
    bucket j mod B and stays there. What was collected is given up, since a liar that changes buckets would else have
    spoilt two. Null: never.

    BASGD: Yang, Li: BASGD: Buffered asynchronous SGD for Byzantine learning, ICML 2021, arXiv 2003.00937; JMLR 24(204),
    2023.
    """

    buckets: int
    reassign_after: int | None  # accepted vectors
    waiting: ClassVar[Reply] = Reply.DISPATCH
    weighted: ClassVar[bool] = False
    constant_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.buckets >= 1, "buckets", "buckets >= 1", buckets=self.buckets)
        require(
            self.reassign_after is None or self.reassign_after >= self.buckets,
            "buckets",
            "reassign_after >= buckets, or null",
            reassign_after=self.reassign_after,
            buckets=self.buckets,
        )

    def check(self, num_workers: int) -> None:
        require(
            self.buckets <= num_workers,
            "buckets",
            "buckets <= num_workers, or some would stay empty",
            buckets=self.buckets,
            num_workers=num_workers,
        )

    def rows(self, num_workers: int) -> int:
        return self.buckets

    def init(self, context: ServerContext) -> BucketsState:
        return BucketsState()

    def lay_out(self, state: BucketsState) -> tuple[Slot, ...]:
        return tuple(
            Slot(bucket, bucket, mean, state.raw[bucket], state.counts[bucket]) for bucket, mean in state.means.items()
        )

    def take_back(self, state: BucketsState, slots: Sequence[Slot]) -> None:
        state.means = {each.index: each.vector for each in slots}
        state.raw = {each.index: each.raw for each in slots}
        state.counts = {each.index: each.count for each in slots}

    def add(self, state: BucketsState, arrival: Arrival, vector: Tensor, raw: Tensor) -> Collected | None:
        bucket = state.moved.get(arrival.worker, arrival.worker % self.buckets)
        if self.reassign_after is not None:
            state.senders[arrival.worker] = None
        count = state.counts[bucket] = state.counts.get(bucket, 0) + 1
        undamped = raw is vector and state.raw.get(bucket) is state.means.get(bucket)
        state.means[bucket] = _running_mean(state.means.get(bucket), vector, count)
        state.raw[bucket] = state.means[bucket] if undamped else _running_mean(state.raw.get(bucket), raw, count)
        if len(state.means) < self.buckets:
            if sum(state.counts.values()) == self.reassign_after:
                state.moved |= {worker: index % self.buckets for index, worker in enumerate(sorted(state.senders))}
                state.empty()
            return None
        order = tuple(range(self.buckets))
        vectors, raws = beside_raw(map(state.means.__getitem__, order), map(state.raw.__getitem__, order))
        state.empty()
        return Collected(vectors, raws, None, order)


def _running_mean(mean: Tensor | None, vector: Tensor, count: int) -> Tensor:
    return vector if mean is None else ((count - 1) * mean + vector) / count
