"""Who lies, what the liars see, and when their messages leave: a neighbour of the turn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from byzsgd.interfaces import (
    AdversaryContext,
    Aggregator,
    Attack,
    Edge,
    Event,
    Job,
    Knowledge,
    Message,
    Outcome,
    View,
    WorkerRule,
)
from byzsgd.kernel.jobs import HonestNotFinite, Pending
from byzsgd.kernel.randomness import Stream, Streams

if TYPE_CHECKING:
    from byzsgd.kernel.world import World


@dataclass(eq=False)
class AdversaryState:
    """What the liars remember and hold back."""

    attack: object = None  # the attack's own State
    delivered: dict[int, Tensor] = field(default_factory=dict)  # honest worker -> its last delivered vector
    withheld: dict[int, None] = field(default_factory=dict)  # liars whose finished message is held back
    due: int | None = None  # the one of them that sends now


Relay = Callable[["World", Job, Message], Message]  # (world, job, message of its own work) -> message


@dataclass(frozen=True, kw_only=True, eq=False)
class Adversary:
    """The null object: Byzantine workers that send what they computed, when it is ready."""

    num_workers: int
    byzantine: tuple[int, ...]
    f: int  # declared to the server
    attack: Attack
    aggregator: Aggregator | None  # the defence; None: the scheme has no server
    worker: WorkerRule
    knowledge: Knowledge
    streams: Streams
    relay: Relay | None = None  # what a node adds to its own of what it has received, before it sends

    @cached_property
    def liars(self) -> frozenset[int]:
        return frozenset(self.byzantine)

    def context(self, params: Tensor) -> AdversaryContext:
        """What the attack is given, and given again at resume."""
        return AdversaryContext(self.num_workers, self.byzantine, self.f, params.numel(), self.aggregator)

    def init(self, params: Tensor) -> AdversaryState:
        return AdversaryState(self.attack.init(self.context(params)))

    def needs(self, world: World, worker: int) -> tuple[int, ...]:
        """Workers whose results the next delivery, that of `worker`, needs."""
        return (worker,)

    def seconds(self, world: World, worker: int, node: int, honest: float) -> float | None:
        """How long the job that starts now takes; None: it is never delivered."""
        return honest

    def sends(self, world: World, worker: int) -> bool:
        """Whether the message of a worker whose job has just finished leaves now."""
        return True

    def forget(self, world: World, worker: int) -> None:
        """The job of this worker was cancelled."""

    def pass_on(self, world: World, pending: Pending, message: Message) -> Message:
        """What the worker sends in place of what it computed."""
        return message if self.relay is None else self.relay(world, pending.job, message)

    def sent_model(self, world: World, edge: Edge) -> Tensor:
        """What a node says to one neighbour in place of its model."""
        return edge.model

    def delivered(self, world: World, pending: Pending, sent: Tensor, vector: Tensor, norm: float) -> None:
        """What was sent, and the vector that arrives, with its norm. Raises HonestNotFinite: only a liar may send what
        is not finite."""
        if not math.isfinite(norm) and pending.job.worker not in self.liars and not bool(vector.isfinite().all()):
            overflow = bool(sent.isfinite().all())
            raise HonestNotFinite(pending.task(world.models), world.models.version[pending.node], world.time, overflow)

    def after(self, world: World) -> None:
        """A delivery has been answered."""

    def event(self, pending: Pending, message: Message, norm: float, outcome: Outcome) -> Event:
        """What the record says of a delivery, with what only this side knows."""
        job, lies = pending.job, pending.job.worker in self.liars
        if outcome.bits is not None:
            message = Message(message.vector, outcome.bits)
        return Event(outcome.arrival, message, outcome.decision, job.serial, lies, job.read_at, norm, outcome.updated)


@dataclass(frozen=True, kw_only=True, eq=False)
class Liars(Adversary):
    """Byzantine workers under an attack that forges messages or chooses their timing."""

    sight: Sight = field(default_factory=lambda: Sight(), repr=False)

    @cached_property
    def honest(self) -> tuple[int, ...]:
        return tuple(worker for worker in range(self.num_workers) if worker not in self.liars)

    @cached_property
    def forges(self) -> bool:
        return forges(self.attack)

    @cached_property
    def sees(self) -> Knowledge:
        """What the liars see: nothing where their attack looks at nothing."""
        return "own" if self.attack.sees == "own" else self.knowledge

    @cached_property
    def draws(self) -> Stream:
        return self.streams.stream("attack")

    def needs(self, world: World, worker: int) -> tuple[int, ...]:
        if not (self.forges and self.sees == "in_flight" and worker in self.liars):
            return (worker,)
        return (worker, *[other for other in self.honest if other in world.pending])

    def seconds(self, world: World, worker: int, node: int, honest: float) -> float | None:
        if not self.attack.timed or worker not in self.liars:
            return honest
        models = world.models
        no_vector = models.live[node].new_empty(0)
        view = self._view(world, worker, node, models.version[node], no_vector, world.arrivals)
        seconds = self.attack.duration(view, honest)
        return None if math.isinf(seconds) else seconds

    def sends(self, world: World, worker: int) -> bool:
        if not self.attack.timed or worker not in self.liars or self._lets_go(world, worker):
            return True
        world.adversary.withheld[worker] = None
        return False

    def forget(self, world: World, worker: int) -> None:
        state = world.adversary
        state.withheld.pop(worker, None)
        if state.due == worker:
            state.due = None

    def pass_on(self, world: World, pending: Pending, message: Message) -> Message:
        job, message = pending.job, super().pass_on(world, pending, message)
        if not self.forges or job.worker not in self.liars:
            return message
        view = self._view(world, job.worker, pending.node, job.read_at, message.vector, job.serial, sending=True)
        forged = self.attack.forge(view)
        return forged if isinstance(forged, Message) else Message(forged, message.bits)

    def delivered(self, world: World, pending: Pending, sent: Tensor, vector: Tensor, norm: float) -> None:
        super().delivered(world, pending, sent, vector, norm)
        if self.sees != "own" and pending.job.worker not in self.liars:
            # Who sees vectors in flight sees them before they are compressed.
            world.adversary.delivered[pending.job.worker] = sent if self.sees == "in_flight" else vector

    def after(self, world: World) -> None:
        """The first liar that lets its message go now sends next."""
        state = world.adversary
        for liar in sorted(state.withheld):
            if self._lets_go(world, liar):
                state.due = liar
                del state.withheld[liar]
                break

    def _lets_go(self, world: World, liar: int) -> bool:
        pending = world.pending[liar]
        job = pending.job
        own, _ = self.worker.message(world.workers[liar], job, world.results[liar])
        return self.attack.release(self._view(world, liar, pending.node, job.read_at, own.vector, job.serial))

    def _view(
        self, world: World, worker: int, node: int, read_at: int, own: Tensor, serial: int, sending: bool = False
    ) -> View:
        models = world.models
        params = models.live[node]
        return View(
            worker=worker,
            own=own,
            honest=self.sight.together(self._visible(world, sending), params),
            params=params,
            read_params=models.snapshot((node, read_at)),
            read_at=read_at,
            step=models.version[node],
            time=world.time,
            num_workers=self.num_workers,
            num_byzantine=len(self.byzantine),
            f=self.f,
            aggregator=cast("Aggregator", self.aggregator),
            state=None if self.aggregator is None else world.scheme.aggregator,
            rng=self.draws.at(worker, serial),
            memory=world.adversary.attack,
            ready=tuple(sorted(world.adversary.withheld)),
        )

    def _visible(self, world: World, sending: bool) -> list[Tensor]:
        latest = world.adversary.delivered
        if self.sees == "own":
            return []
        # When timing is asked, which jobs in flight have a result already is a matter of how the engine groups them.
        if self.sees == "delivered" or not sending:
            return [latest[worker] for worker in self.honest if worker in latest]
        rows = []
        for worker in self.honest:
            result = world.results.get(worker)
            if result is not None:
                memo = self.sight.messages.get(worker)
                if memo is None or memo[0] is not result:
                    message, _ = self.worker.message(world.workers[worker], world.pending[worker].job, result)
                    memo = self.sight.messages[worker] = (result, message.vector)
                rows.append(memo[1])
            elif worker in latest:
                rows.append(latest[worker])
        return rows


@dataclass(slots=True, eq=False)
class Sight:
    """What the liars saw last, put together only where it has changed: in a round every liar sees the same.

    A memory of a pure function: forgetting it changes nothing, so it is no part of a state.
    """

    messages: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)  # worker -> (its result, its vector)
    rows: list[Tensor] = field(default_factory=list)  # kept alive, so that an address says which vector it is
    addresses: list[int] = field(default_factory=list)
    stack: Tensor | None = None

    def together(self, rows: list[Tensor], empty: Tensor) -> Tensor:
        """(h, d)"""
        addresses = [row.data_ptr() for row in rows]
        if self.stack is None or addresses != self.addresses:
            self.rows, self.addresses = rows, addresses
            self.stack = torch.stack(rows) if rows else empty.new_empty((0, empty.numel()))
        return self.stack


def kind_of(attack: Attack) -> type[Adversary]:
    """The null object where the attack neither forges nor chooses timing: a View costs more than a small gradient."""
    return Liars if forges(attack) or attack.timed else Adversary


def forges(attack: Attack) -> bool:
    """Whether its liars send something of their own making."""
    return type(attack).forge is not Attack.forge
