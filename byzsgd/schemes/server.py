"""The scheme `server`: workers read the model of one server, which decides what a delivery means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from byzsgd.interfaces import (
    Aggregator,
    Arrival,
    Clock,
    Decision,
    Delivery,
    Outcome,
    Reply,
    SchemeContext,
    ServerContext,
    Verbs,
    W,
    World,
)
from byzsgd.interfaces.compiled import compiled_as
from byzsgd.schemes.settled import Settled

NODE = 0  # the server


@dataclass(frozen=True)
class Server(Settled):
    """The parameter server: one model, which every worker reads; an aggregator decides."""

    server: ClassVar[bool] = True

    def check(self, num_workers: int) -> None:
        """Any number of workers: its aggregator has conditions of its own."""

    def bind(self, context: SchemeContext) -> ParameterServer:
        assert context.aggregator is not None and context.server is not None
        claims = 0 if context.stamps else context.claims
        return ParameterServer(context.aggregator, context.server, context.clock, context.stamps, claims)


@dataclass(eq=False)
class ServerState:
    """What the aggregator remembers, and who waits for the next update."""

    aggregator: object
    held: dict[int, None] = field(default_factory=dict)


@compiled_as("server", "aggregator")
@dataclass(frozen=True, eq=False)
class ParameterServer:
    """A server that serves: see `Server`."""

    aggregator: Aggregator
    context: Callable[[Tensor], ServerContext]
    clock: Clock
    stamps: bool
    claims: int

    facts: ClassVar[Mapping[str, object]] = {}

    @property
    def scores(self) -> tuple[str, ...]:
        return self.aggregator.scores

    def check(self, num_workers: int) -> None:
        self.aggregator.check(num_workers)

    def nodes(self, num_workers: int) -> int:
        return 1

    def keeps(self, world: World) -> int:
        new = world.models.version[NODE] + 1
        return max(new - self.clock.oldest(world.clock, new), self.claims)

    def remarks(self, world: World) -> tuple[str, ...]:
        if world.updates or not world.arrivals:
            return ()
        return (f"no update in {world.arrivals} deliveries: the server refused them or still waits for more",)

    def begin(self, kernel: Verbs[W], world: W) -> ServerState:
        state = world.scheme = ServerState(self.aggregator.init(self.context(world.models.live[NODE])))
        for worker in sorted(world.workers):
            kernel.start(world, worker, NODE)
        idle = sorted(set(world.workers) - self._readers(state, world.workers))
        state.held |= {worker: None for worker in idle if kernel.cancel(world, worker)}
        return state

    def delivered(self, kernel: Verbs[W], world: W, delivery: Delivery) -> Outcome:
        state: ServerState = world.scheme
        job, message = delivery.job, delivery.message
        read_at, read_params = job.read_at, delivery.read_params
        if not self.stamps and message.claimed_read_at is not None:
            read_at = message.claimed_read_at
            read_params = None if read_params is None else world.models.snapshot((NODE, read_at))
        arrival = Arrival(delivery.time, job.worker, read_at, world.models.version[NODE], message.vector, read_params)
        decision = self.aggregator.receive(state.aggregator, arrival)
        if decision.direction is not None:
            kernel.apply(world, NODE, decision.direction)
        self._reply(kernel, world, state, job.worker, decision)
        return Outcome(arrival, decision, decision.direction is not None)

    def _reply(self, kernel: Verbs[W], world: W, state: ServerState, sender: int, decision: Decision) -> None:
        if decision.reply is Reply.RESTART:
            state.held |= {worker: None for worker in sorted(world.workers) if kernel.cancel(world, worker)}
            state.held[sender] = None
        if decision.direction is not None or decision.reply is Reply.RESTART:
            for worker in sorted(self._readers(state, state.held)):
                del state.held[worker]
                kernel.start(world, worker, NODE)
        for worker in decision.cancel if decision.reply is not Reply.RESTART else ():
            if worker in world.pending:
                kernel.cancel(world, worker)
                kernel.start(world, worker, NODE)
        if decision.reply is Reply.HOLD:
            state.held[sender] = None
        elif decision.reply is Reply.DISPATCH:
            kernel.start(world, sender, NODE)

    def _readers(self, state: ServerState, waiting: Iterable[int]) -> set[int]:
        """Those of the waiting workers that the server now gives its model."""
        server: Any = self.aggregator
        choice = server.called(state.aggregator) if getattr(server, "calls", False) else None
        return set(waiting) if choice is None else set(waiting) & set(choice)
