from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from byzsgd.aggregators.server import Server
from byzsgd.interfaces import Arrival, Decision, ServerContext, accept


@dataclass
class Table:
    """Sum and number of the vectors of each worker."""

    sums: dict[int, Tensor] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)

    def add(self, worker: int, vector: Tensor) -> None:
        before = self.sums.get(worker)
        self.sums[worker] = vector if before is None else before + vector
        self.counts[worker] = self.counts.get(worker, 0) + 1

    def mean(self, num_workers: int) -> Tensor:
        """(d,) (1/n)·Σ G_i/b_i."""
        total = None
        for worker in range(num_workers):
            part = self.sums[worker] / self.counts[worker]
            total = part if total is None else total + part
        assert total is not None
        return total / num_workers


@dataclass
class RingleaderState:
    """The table in use, the next one, and who has had its update in this round."""

    num_workers: int
    table: Table = field(default_factory=Table)
    following: Table = field(default_factory=Table)
    updated: dict[int, None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ringleader(Server[RingleaderState]):
    """Collects until every worker has delivered, then makes n updates from that table, one at each worker's arrival.

    direction = (1/n)·Σ G_i/b_i, with G_i the sum and b_i the number of worker i's vectors. The arrival that completes
    the table makes the first update; in the updates that follow, the first vector of each other worker joins the table,
    and further ones go to the next table.

    Maranjyan, Richtárik: Ringleader ASGD: the first asynchronous SGD with optimal time complexity under data
    heterogeneity, ICLR 2026, arXiv 2509.22860.
    """

    needs_read_params = False

    def init(self, context: ServerContext) -> RingleaderState:
        return RingleaderState(context.num_workers)

    def receive(self, state: RingleaderState, arrival: Arrival) -> Decision:
        worker = arrival.worker
        if worker in state.updated:
            state.following.add(worker, arrival.vector)
            return accept(None)
        state.table.add(worker, arrival.vector)
        if len(state.table.sums) < state.num_workers:
            return accept(None)
        direction = state.table.mean(state.num_workers)
        state.updated[worker] = None
        if len(state.updated) == state.num_workers:
            state.table, state.following, state.updated = state.following, Table(), {}
        return accept(direction)
