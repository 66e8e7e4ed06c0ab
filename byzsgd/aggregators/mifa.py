from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from byzsgd.aggregators.server import Server
from byzsgd.interfaces import Arrival, Decision, ServerContext, accept
from byzsgd.interfaces.values import derived


@dataclass
class MIFAState:
    """The running sum, and without `deltas` the latest vector of every worker behind it."""

    num_workers: int
    total: Tensor | None = None
    latest: dict[int, Tensor] = field(default_factory=dict)
    since_exact: int = 0  # arrivals since the sum was taken afresh


@dataclass(frozen=True, kw_only=True)
class MIFA(Server[MIFAState]):
    """A step at every arrival along the mean of the latest vectors of all n workers; the unseen count as zero.

    direction = (1/n)·Σ G_i, kept as a running sum: O(d) per arrival, taken afresh from the n vectors every n arrivals
    so that rounding cannot grow. With `deltas` workers send changes (worker=delta) and the sum is all that is kept: 1/n
    of the memory, the same trajectory.
    Differs: the paper starts with a round of every worker, takes local steps (worker=local_steps) and counts rounds;
    here the unseen are zero and every arrival is a step.

    MIFA: Gu, Huang, Zhang, Huang: Fast federated learning in the presence of arbitrary device unavailability, NeurIPS
    2021, arXiv 2106.04159. With deltas FedLaAvg: Yan, Niu, Ding, Zheng, Wu, Chen, Tang, Wu, 2020, arXiv 2002.07399.
    """

    deltas: bool

    needs_read_params = False

    @derived
    def expects(self) -> str:
        """What the worker rule must send."""
        return "deltas" if self.deltas else "vectors"

    def init(self, context: ServerContext) -> MIFAState:
        return MIFAState(context.num_workers)

    def receive(self, state: MIFAState, arrival: Arrival) -> Decision:
        old = None if self.deltas else state.latest.get(arrival.worker)
        change = arrival.vector if old is None else arrival.vector - old
        state.total = change if state.total is None else state.total + change
        if not self.deltas:
            state.latest[arrival.worker] = arrival.vector
            state.since_exact += 1
            if state.since_exact >= state.num_workers or not bool(torch.isfinite(change).all()):
                state.total = torch.stack([state.latest[worker] for worker in sorted(state.latest)]).sum(0)
                state.since_exact = 0
        return accept(state.total / state.num_workers)
