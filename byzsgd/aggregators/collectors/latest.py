from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from byzsgd.aggregators.rows import beside_raw
from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Collected, Reply, ServerContext
from byzsgd.interfaces.compiled import Slot, compiled_as


@dataclass
class LatestState:
    """The newest vector of every worker and how often it was accepted."""

    num_workers: int
    vectors: dict[int, Tensor] = field(default_factory=dict)
    raw: dict[int, Tensor] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)


@compiled_as("latest", "missing", "quorum")
@dataclass(frozen=True, kw_only=True)
class Latest:
    """A step at every accepted arrival, from the newest vector of every worker, weighted by its number of deliveries.

    Workers not yet seen are left out (`missing=skip`) or count as zero vectors with weight zero (`missing=zero`). The
    first step waits for vectors of `quorum` different workers: with 2f+1 no f liars are a majority of the first rows.

    Dahan, Levy: Weight for robustness: a comprehensive approach towards optimal fault-tolerant asynchronous ML,
    NeurIPS 2024, arXiv 2501.09621. With `missing=zero` and the mean, MIFA: Gu, Huang, Zhang, Huang, NeurIPS 2021,
    arXiv 2106.04159.
    Differs: the quorum is ours; 1 is the papers' start.
    """

    missing: Literal["skip", "zero"]
    quorum: int
    waiting: ClassVar[Reply] = Reply.DISPATCH
    weighted: ClassVar[bool] = True
    constant_rows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require(self.missing in ("skip", "zero"), "latest", "missing skip or zero", missing=self.missing)
        require(self.quorum >= 1, "latest", "quorum >= 1", quorum=self.quorum)

    def check(self, num_workers: int) -> None:
        needs = "quorum <= num_workers, or there would never be a step"
        require(self.quorum <= num_workers, "latest", needs, quorum=self.quorum, num_workers=num_workers)

    def rows(self, num_workers: int) -> int:
        return num_workers if self.missing == "zero" else self.quorum

    def init(self, context: ServerContext) -> LatestState:
        return LatestState(context.num_workers)

    def lay_out(self, state: LatestState) -> tuple[Slot, ...]:
        return tuple(
            Slot(worker, worker, vector, state.raw[worker], state.counts[worker])
            for worker, vector in state.vectors.items()
        )

    def take_back(self, state: LatestState, slots: Sequence[Slot]) -> None:
        state.vectors = {each.worker: each.vector for each in slots}
        state.raw = {each.worker: each.raw for each in slots}
        state.counts = {each.worker: each.count for each in slots}

    def add(self, state: LatestState, arrival: Arrival, vector: Tensor, raw: Tensor) -> Collected | None:
        state.vectors[arrival.worker] = vector
        state.raw[arrival.worker] = raw
        state.counts[arrival.worker] = state.counts.get(arrival.worker, 0) + 1
        if len(state.counts) < self.quorum:
            return None
        everyone = range(state.num_workers)
        workers = tuple(everyone) if self.missing == "zero" else tuple(w for w in everyone if w in state.counts)
        zero = torch.zeros_like(vector) if len(state.counts) < len(workers) else vector
        vectors, raws = beside_raw(
            (state.vectors.get(worker, zero) for worker in workers), (state.raw.get(worker, zero) for worker in workers)
        )
        return Collected(vectors, raws, tuple(float(state.counts.get(worker, 0)) for worker in workers), workers)
