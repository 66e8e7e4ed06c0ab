"""Pairwise averaging as a scheme: who finishes a gradient meets a neighbour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from byzsgd.interfaces import Arrival, Decision, Delivery, Outcome, Verbs
from byzsgd.kernel.randomness import Streams


@dataclass(eq=False)
class PairwiseState:
    """Whom every node met last."""

    partner: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Pairwise:
    """AD-PSGD (Lian, Zhang, Zhang, Liu: Asynchronous Decentralized Parallel Stochastic Gradient Descent; ICML 2018,
    arXiv 1710.06952): x_i, x_j ← (x_i + x_j)/2, then x_i ← x_i − lr·g_i, g_i of the model that i read; j is a uniform
    neighbour of i. A node without neighbours only steps."""

    server: ClassVar[bool] = False

    graph: tuple[tuple[int, ...], ...]  # neighbours of every node
    streams: Streams

    def check(self, num_workers: int) -> None: ...

    def nodes(self, num_workers: int) -> int:
        return num_workers

    def keeps(self, world: Any) -> int:
        return 0

    def begin(self, kernel: Verbs, world: Any) -> PairwiseState:
        for worker in sorted(world.workers):
            kernel.start(world, worker, worker)
        return PairwiseState()

    def delivered(self, kernel: Verbs, world: Any, delivery: Delivery) -> Outcome:
        state, live, (node, read_at) = world.scheme, world.models.live, delivery.key
        gradient, step = delivery.message.vector, world.models.version[node]
        if neighbours := self.graph[node]:
            draw = self.streams.generator("gossip", node, delivery.job.serial)
            partner = state.partner[node] = neighbours[int(draw.integers(len(neighbours)))]
            mean = (live[node] + live[partner]) / 2
            kernel.assign(world, node, mean)
            kernel.assign(world, partner, mean)
        kernel.apply(world, node, gradient)
        kernel.start(world, delivery.job.worker, node)
        arrival = Arrival(delivery.time, delivery.job.worker, read_at, step, gradient, None)
        return Outcome(arrival, Decision(True, "accepted", 1.0, gradient, {}), True)
