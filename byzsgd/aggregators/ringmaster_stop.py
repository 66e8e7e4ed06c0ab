from __future__ import annotations

from dataclasses import dataclass

from byzsgd.aggregators.server import Server
from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Decision, ServerContext, accept, refuse


@dataclass
class RingmasterStopState:
    """The version that each worker is computing on, oldest first."""

    reading: dict[int, int]


@dataclass(frozen=True, kw_only=True)
class RingmasterStop(Server[RingmasterStopState]):
    """Ringmaster that stops hopeless work: jobs that would be refused for their staleness are cancelled at once.

    Accepts vectors with τ ≤ limit, one step each; after a step every worker whose job has become older than that drops
    it and reads the new model.

    Maranjyan, Tyurin, Richtárik: Ringmaster ASGD: the first asynchronous SGD with optimal time complexity, ICML 2025,
    arXiv 2501.16168 (the variant with calculation stops; limit = R − 1).
    """

    limit: int

    needs_read_params = False

    def __post_init__(self) -> None:
        require(self.limit >= 0, "ringmaster_stop", "limit >= 0", limit=self.limit)

    def init(self, context: ServerContext) -> RingmasterStopState:
        return RingmasterStopState(dict.fromkeys(range(context.num_workers), 0))

    def receive(self, state: RingmasterStopState, arrival: Arrival) -> Decision:
        accepted = arrival.staleness <= self.limit
        now = arrival.step + accepted
        cancel = []
        state.reading.pop(arrival.worker, None)
        while state.reading and now - (oldest := next(iter(state.reading.items())))[1] > self.limit:
            cancel.append(oldest[0])
            del state.reading[oldest[0]]
        state.reading.update(dict.fromkeys([arrival.worker, *cancel], now))
        if not accepted:
            return refuse("max_staleness", cancel=tuple(cancel))
        return accept(arrival.vector.clone(), cancel=tuple(cancel))
