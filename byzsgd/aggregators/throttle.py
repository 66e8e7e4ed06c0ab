from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from byzsgd.aggregators.magnitudes import at_length
from byzsgd.aggregators.rows import length
from byzsgd.aggregators.server import Server
from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Decision, Reply, ServerContext, accept, refuse


@dataclass
class ThrottleState:
    """This round's arrivals of each worker, its first vectors, and the anchor."""

    num_workers: int
    anchor: Tensor
    counts: dict[int, int] = field(default_factory=dict)
    firsts: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Throttle(Server[ThrottleState]):
    """Rounds in which a worker's first vector counts 1/n and its later ones ever less; then everybody restarts.

    First vector of a worker: direction (1/n)·(a + clip(g − a, radius_first)); later: growth^(−c)·clip(g, radius_later),
    c its arrivals before in this round. Once all n have arrived: anchor a ← clip(mean of the clipped first vectors,
    anchor_radius), a restart, a new round. Non-finite vectors are refused and do not count.

    Otsuka, Takezawa, Meyer, Koloskova, Yamada: THROTTLE, 2026 preprint.
    """

    growth: float
    radius_first: float
    radius_later: float
    anchor_radius: float

    needs_read_params = False

    def __post_init__(self) -> None:
        require(self.growth >= 1, "throttle", "growth >= 1", growth=self.growth)
        for name in ("radius_first", "radius_later", "anchor_radius"):
            require(getattr(self, name) > 0, "throttle", f"{name} > 0", **{name: getattr(self, name)})

    def init(self, context: ServerContext) -> ThrottleState:
        return ThrottleState(context.num_workers, torch.zeros_like(context.params))

    def receive(self, state: ThrottleState, arrival: Arrival) -> Decision:
        if not bool(torch.isfinite(arrival.vector).all()):
            return refuse("throttle")
        worker = arrival.worker
        count = state.counts.get(worker, 0)
        state.counts[worker] = count + 1
        if count:
            weight = self.growth**-count
            vector = _clip(arrival.vector, self.radius_later)
        else:
            weight = 1.0 / state.num_workers
            vector = state.anchor + _clip(arrival.vector - state.anchor, self.radius_first)
            state.firsts[worker] = vector
        reply = Reply.DISPATCH
        if len(state.firsts) == state.num_workers:
            mean = torch.stack([state.firsts[each] for each in range(state.num_workers)]).mean(0)
            state.anchor, state.counts, state.firsts = _clip(mean, self.anchor_radius), {}, {}
            reply = Reply.RESTART
        return accept(weight * vector, weight, reply=reply)


def _clip(vector: Tensor, radius: float) -> Tensor:
    return vector if length(vector) <= radius else at_length(vector, radius)
