"""An explicit world, four verbs and one turn. It knows neither files, nor Hydra, nor nn.Module, nor who lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from byzsgd.interfaces import Clock, Delivery, Event, Job, Optimizer, Scheme, Task, Work, WorkerContext, WorkerRule
from byzsgd.kernel.adversary import Adversary, AdversaryState
from byzsgd.kernel.channel import Channel, ChannelState
from byzsgd.kernel.jobs import Guess, Pending, keys_of, pending_job, time_of_return
from byzsgd.kernel.versions import Models


@dataclass(eq=False)
class World:
    """All that a simulation is at one moment. Saving it saves the run."""

    models: Models
    clock: Any
    workers: dict[int, Any]  # states of the worker rule, committed at delivery
    adversary: AdversaryState
    channel: ChannelState = field(default_factory=ChannelState)
    scheme: Any = None
    time: float = 0.0  # virtual seconds
    arrivals: int = 0
    updates: int = 0  # directions applied, to all nodes together
    pending: dict[int, Pending] = field(default_factory=dict)  # worker -> its job in flight
    results: dict[int, Tensor] = field(default_factory=dict)  # worker -> (m, d) of its job in flight
    waiting: dict[int, tuple[int, Work | None, float | None]] = field(default_factory=dict)  # started without a job
    started: dict[int, None] = field(default_factory=dict)  # workers whose job the look-ahead has not seen
    guesses: dict[int, Guess] = field(default_factory=dict)  # worker -> its next job, where staleness is prescribed
    turn: Job | None = None  # the job that is delivered next, where that was asked


@dataclass(frozen=True, kw_only=True, eq=False)
class Kernel:
    """Plays the turns of worlds."""

    num_workers: int
    clock: Clock
    worker: WorkerRule
    adversary: Adversary
    scheme: Scheme[object]
    optimizer: Optimizer
    contexts: Mapping[int, WorkerContext]
    reads: bool = True  # whether the scheme looks at the models that workers read
    channel: Channel = field(default_factory=Channel)

    def begin(self, params: Tensor) -> World:
        """Everybody reads version 0 at time 0. `params` (d,) becomes the live model of node 0."""
        models = Models.of(params, self.scheme.nodes(self.num_workers), self.optimizer)
        workers = {worker: self.worker.init(context) for worker, context in self.contexts.items()}
        world = World(models, self.clock.init(self.num_workers), workers, self.adversary.init(params))
        world.scheme = self.scheme.begin(self, world)
        return world

    def start(
        self, world: World, worker: int, node: int, work: Work | None = None, seconds: float | None = None
    ) -> None:
        """The worker reads the model of `node` now; None: the work of its rule, the seconds of the clock."""
        honest = self.clock.seconds(world.clock, worker) if seconds is None else seconds
        if (duration := self.adversary.seconds(world, worker, node, honest)) is None:
            return
        if (job := self.clock.dispatch(world.clock, worker, world.models.version[node], world.time, duration)) is None:
            world.waiting[worker] = (node, work, seconds)
            world.models.read(keys_of(node, work))
        else:
            self._begin(world, job, node, work)

    def cancel(self, world: World, worker: int) -> bool:
        """The worker's job is dropped, its serial stays spent; whether it now waits to be started."""
        if (pending := world.pending.pop(worker, None)) is not None:
            world.results.pop(worker, None)
            self.adversary.forget(world, worker)
            world.models.release(pending.keys)
        return self.clock.cancel(world.clock, worker, world.models.version[0], pending is not None)

    def apply(self, world: World, node: int, direction: Tensor) -> None:
        """The optimizer takes a step along `direction` (d,) at this node."""
        world.models.apply(node, direction, self.optimizer, self.scheme.keeps(world))
        world.updates += 1

    def assign(self, world: World, node: int, params: Tensor) -> None:
        """The model of this node becomes a copy of `params` (d,)."""
        world.models.write(node, self.scheme.keeps(world)).copy_(params)

    def missing(self, world: World) -> list[Task] | None:
        """The jobs whose results the next delivery needs. None: nothing can arrive any more."""
        if (job := self._next(world)) is None:
            return None
        workers = self.channel.needs(world, self.adversary.needs(world, job.worker))
        return [world.pending[worker].task(world.models) for worker in workers if worker not in world.results]

    def deliver(self, world: World, results: Iterable[tuple[Task, Tensor]] = ()) -> Event | None:
        """The next delivery happens; None: a liar holds its message back, and the one after it has no result yet."""
        world.results.update((task.job.worker, result) for task, result in results)
        while (job := self._next(world)) is not None and job.worker in world.results:
            world.turn = None
            if world.adversary.due is None:
                world.time = job.finish
                self.clock.pop(world.clock)
                if not self.adversary.sends(world, job.worker):
                    continue
            world.adversary.due = None
            return self._deliver(world, world.pending.pop(job.worker), world.results.pop(job.worker))
        return None

    def _next(self, world: World) -> Job | None:
        if (due := world.adversary.due) is not None:
            return world.pending[due].job
        interruptions = 0
        while world.turn is None and (turn := self.clock.peek(world.clock, world.models.version[0])) is not None:
            world.turn = turn.job
            if turn.job is None:  # the worker is back after an interruption
                world.time = time_of_return(turn.time, interruptions := interruptions + 1, self.num_workers)
                self.clock.pop(world.clock)
                self.start(world, turn.worker, *(assignment := world.waiting.pop(turn.worker)))
                world.models.release(keys_of(*assignment[:2]))
            elif turn.worker not in world.pending:  # where staleness is prescribed, a job starts at its turn
                self._begin(world, turn.job, *world.waiting.pop(turn.worker)[:2])
        return world.turn

    def _begin(self, world: World, job: Job, node: int, work: Work | None) -> None:
        work = self.worker.plan(world.workers[job.worker], job) if work is None else work
        pending = world.pending[job.worker] = pending_job(job, work, node)
        world.models.read(pending.keys)
        world.channel.reads += job.read_at > 0
        world.started[job.worker] = None

    def _deliver(self, world: World, pending: Pending, result: Tensor) -> Event:
        job, models, worker = pending.job, world.models, pending.job.worker
        own, new = self.worker.message(old := world.workers[worker], job, result)
        transmission = self.adversary.pass_on(world, pending, own)
        message, norm = self.channel.carry(world, pending, result, own, transmission)
        self.adversary.delivered(world, pending, transmission.vector, message.vector, norm)
        read_params = models.snapshot(pending.keys[0]) if self.reads else None
        if new is not old:
            world.workers[worker] = new
            models.exchange(pending.node, self.worker.keeps(old), self.worker.keeps(new))
        world.arrivals += 1
        models.written.clear()
        outcome = self.scheme.delivered(self, world, Delivery(job, pending.keys[0], read_params, message, world.time))
        models.release(pending.keys)
        self.adversary.after(world)
        return self.adversary.event(pending, message, norm, outcome)
