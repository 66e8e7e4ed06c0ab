"""The scheme `ring_allreduce`: no server, no redundancy, no waiting at one receiver."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from torch import Tensor

from byzsgd.codes.rounds import added
from byzsgd.interfaces import (
    FLOAT_BITS,
    Arrival,
    Attack,
    Delay,
    Delivery,
    Job,
    Message,
    Outcome,
    SchemeContext,
    Verbs,
    W,
    World,
    accept,
)
from byzsgd.schemes.settled import Settled
from byzsgd.schemes.work import NODE, OneModel, Shares, busy_seconds, require_on_time


@dataclass(frozen=True, kw_only=True)
class RingAllreduce(Settled):
    """Rounds that end with the sum of all gradients at every worker: no server, no redundancy.

    In N − 1 steps each worker passes 1/N of the vector to its neighbour and adds what it is passed, in N − 1 more the
    sums go round. A round takes the slowest worker's seconds and, over a link, 2(N − 1)·(latency + per_message +
    bits/(N·bandwidth)). All workers then have the same model, so one is kept.

    Patarasuk, Yuan: Bandwidth optimal all-reduce algorithms for clusters of workstations; JPDC 2009.
    """

    server: ClassVar[bool] = False

    def check(self, num_workers: int) -> None:
        """Any number of workers."""

    def blocks(self, num_workers: int) -> int:
        return num_workers

    def admit(self, delay: Delay, attack: Attack) -> None:
        require_on_time("scheme ring_allreduce", delay, attack)

    def bind(self, context: SchemeContext) -> RingRounds:
        return RingRounds(context, Shares.of_rows(np.eye(context.num_workers), context.sizes))


@dataclass(eq=False)
class RingState:
    """The round under way."""

    round: int = 0
    arrived: dict[int, Tensor] = field(default_factory=dict)  # worker -> (d,) the sum of its part


@dataclass(frozen=True, eq=False)
class RingRounds(OneModel):
    """`RingAllreduce` for one run."""

    context: SchemeContext
    shares: Shares
    scores: ClassVar[tuple[str, ...]] = ("load",)

    def begin(self, kernel: Verbs[W], world: W) -> RingState:
        state = RingState()
        self._start(kernel, world, state)
        return state

    def relay(self, world: World, job: Job, message: Message) -> Message:
        """Every worker sends 2(N − 1) messages of d/N numbers."""
        n = self.context.num_workers
        return Message(message.vector, -(-2 * (n - 1) * message.bits // n), message.claimed_read_at)

    def delivered(self, kernel: Verbs[W], world: W, delivery: Delivery) -> Outcome:
        state, worker, vector = world.scheme, delivery.job.worker, delivery.message.vector
        arrival = Arrival(delivery.time, worker, delivery.key[1], world.models.version[NODE], vector, None)
        state.arrived[worker] = vector
        direction = None
        if len(state.arrived) == self.context.num_workers:
            total = added((1.0, state.arrived[each]) for each in sorted(state.arrived))
            direction = total.div_(self.shares.examples)
            kernel.apply(world, NODE, direction)
            state.round, state.arrived = state.round + 1, {}
            self._start(kernel, world, state)
        scores = {"load": self.shares.loads[worker]}
        return Outcome(arrival, accept(direction, scores=scores), direction is not None)

    def _start(self, kernel: Verbs[W], world: W, state: RingState) -> None:
        version, clock, workers = world.models.version[NODE], self.context.clock, sorted(world.workers)
        n, link = len(workers), self.context.link
        if link is None:
            ways = [clock.way(world.clock, worker) for worker in workers]
        else:
            ways = [2 * (n - 1) * busy_seconds(link, FLOAT_BITS * self.context.num_parameters / n)] * n
        seconds = [self.shares.seconds(self.context, world, worker) + ways[worker] for worker in workers]
        for worker in workers:
            kernel.start(world, worker, NODE, self.shares.work(worker, version, state.round), max(seconds))
