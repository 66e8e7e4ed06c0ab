"""The simulation: an explicit state and one step function. It knows neither files, nor Hydra, nor nn.Module."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from byzsgd.interfaces import (
    AdversaryContext,
    Aggregator,
    Arrival,
    Attack,
    Clock,
    Decision,
    Engine,
    Event,
    Job,
    Knowledge,
    Message,
    Optimizer,
    Reply,
    ServerContext,
    Task,
    View,
    Work,
    WorkerRule,
)
from byzsgd.kernel.randomness import Streams


@dataclass(frozen=True, slots=True)
class Pending:
    """A job that has started: what it computes is fixed."""

    job: Job
    work: Work


@dataclass
class SimulationState:
    """All that a simulation is at one moment. Saving it saves the run."""

    params: Tensor  # (d,) the live model, written in place by the optimizer alone
    clock: Any
    optimizer: Any
    aggregator: Any
    attack: Any
    workers: dict[int, Any]  # states of the worker rule, committed at delivery
    step: int = 0
    time: float = 0.0
    arrivals: int = 0
    pending: dict[int, Pending] = field(default_factory=dict)  # worker -> its job in flight
    missing: dict[int, None] = field(default_factory=dict)  # workers whose job in flight has no result yet, in order
    results: dict[int, Tensor] = field(default_factory=dict)  # worker -> (m, d) of its job in flight
    snapshots: dict[int, Tensor] = field(default_factory=dict)  # version -> (d,)
    readers: dict[int, int] = field(default_factory=dict)  # version -> jobs and worker states that may use it
    oldest: int = 0  # versions from here on are kept even without readers
    delivered: dict[int, Tensor] = field(default_factory=dict)  # honest worker -> its last delivered vector
    held: dict[int, None] = field(default_factory=dict)  # workers that wait for the next update
    withheld: dict[int, None] = field(default_factory=dict)  # liars whose finished message is held back
    due: int | None = None  # the one of them that sends now


class HonestNotFinite(Exception):
    """An honest worker sent a vector that is not finite."""

    def __init__(self, task: Task, step: int, time: float) -> None:
        super().__init__(f"worker {task.job.worker} sent a vector that is not finite at step {step}, time {time:g}")
        self.task = task


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """n workers and one server in virtual time."""

    num_workers: int
    byzantine: tuple[int, ...]
    f: int
    clock: Clock[Any]
    worker: WorkerRule[Any]
    attack: Attack
    aggregator: Aggregator[Any]
    optimizer: Optimizer[Any]
    knowledge: Knowledge
    stamps: bool
    streams: Streams
    liars: frozenset[int] = field(init=False)
    honest: tuple[int, ...] = field(init=False)
    forges: bool = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "liars", frozenset(self.byzantine))
        put(self, "honest", tuple(w for w in range(self.num_workers) if w not in self.liars))
        # A View costs more than a small gradient: it is made only for attacks that look at it.
        put(self, "forges", type(self.attack).forge is not Attack.forge)

    def init(self, params: Tensor, trusted_gradient: Callable[[Tensor], Tensor] | None = None) -> SimulationState:
        """Everybody reads version 0 at time 0. `params` becomes the live model."""
        context = self.context(params, trusted_gradient)
        adversary = AdversaryContext(self.num_workers, self.byzantine, self.f, params.numel(), self.aggregator)
        state = SimulationState(
            params=params,
            clock=self.clock.init(self.num_workers),
            optimizer=self.optimizer.init(params),
            aggregator=self.aggregator.init(context),
            attack=self.attack.init(adversary),
            workers={worker: self.worker.init(worker) for worker in range(self.num_workers)},
        )
        for worker in range(self.num_workers):
            self._dispatch(state, worker)
        return state

    def context(self, params: Tensor, trusted_gradient: Callable[[Tensor], Tensor] | None = None) -> ServerContext:
        """What the server is given, and given again at resume."""

        def stream(name: str, step: int) -> np.random.Generator:
            return self.streams.generator(f"server/{name}", 0, step)

        return ServerContext(self.num_workers, params, trusted_gradient, stream, self.stamps)

    def missing_jobs(self, state: SimulationState, capacity: int = 1) -> list[Task] | None:
        """The jobs whose results `deliver` needs, the next delivery's first, then others in flight up to `capacity`.

        Empty: nothing is missing. None: nothing can arrive any more (everyone is held or has crashed).
        """
        job = self._next(state)
        if job is None:
            return None
        if job.worker not in state.pending:  # a clock with prescribed staleness starts jobs at their turn
            self._start(state, job)
        needed: list[int] = [job.worker] if job.worker in state.missing else []
        if self.knowledge == "in_flight" and self.forges and job.worker in self.liars and self.attack.sees != "own":
            needed += [worker for worker in state.missing if worker not in self.liars and worker != job.worker]
        if needed and len(needed) < capacity:
            first = set(needed)
            for worker in state.missing:
                if worker not in first:
                    needed.append(worker)
                    if len(needed) == capacity:
                        break
        return [self._task(state, state.pending[worker]) for worker in needed]

    def deliver(self, state: SimulationState, results: Mapping[int, Tensor]) -> Event | None:
        """The next delivery happens; `results` by worker are those of `missing_jobs`.

        None: a liar held its message back, and the delivery after it has no result yet.
        """
        for worker, result in results.items():
            state.results[worker] = result
            state.missing.pop(worker, None)
        while True:
            job = self._next(state)
            if job is None or job.worker not in state.results:
                return None
            if state.due is None:
                state.time = job.finish
                self.clock.pop(state.clock)
                if self.attack.timed and job.worker in self.liars:
                    own, _ = self.worker.message(state.workers[job.worker], job, state.results[job.worker])
                    if not self.attack.release(self._view(state, job.worker, job.read_at, own.vector, job.serial)):
                        state.withheld[job.worker] = None
                        continue
            state.due = None
            return self._deliver(state, job)

    def _next(self, state: SimulationState) -> Job | None:
        """The job that is delivered next; workers that come back before it read the model on the way."""
        if state.due is not None:
            return state.pending[state.due].job
        while (turn := self.clock.peek(state.clock, state.step)) is not None:
            if turn.job is not None:
                return turn.job
            state.time = turn.time
            self.clock.pop(state.clock)
            self._dispatch(state, turn.worker)
        return None

    def _deliver(self, state: SimulationState, job: Job) -> Event:
        worker = job.worker
        byzantine = worker in self.liars
        pending = state.pending.pop(worker)
        own, worker_state = self.worker.message(state.workers[worker], job, state.results.pop(worker))
        message = self._forged(state, job, own) if byzantine and self.forges else own
        norm = float(torch.linalg.vector_norm(message.vector))
        if not byzantine:
            if not math.isfinite(norm) and not bool(torch.isfinite(message.vector).all()):
                raise HonestNotFinite(self._task(state, pending), state.step, state.time)
            if self.attack.sees != "own":
                state.delivered[worker] = message.vector

        read_at = job.read_at
        if not self.stamps and message.claimed_read_at is not None:
            read_at = message.claimed_read_at
        arrival = Arrival(state.time, worker, read_at, state.step, message.vector, self._version(state, read_at))
        decision = self.aggregator.receive(state.aggregator, arrival)
        event = Event(
            arrival, message, decision, job.serial, byzantine, job.read_at, norm, decision.direction is not None
        )
        state.arrivals += 1
        self._commit(state, worker, worker_state)
        released: Iterable[int] = ()
        if decision.direction is not None:
            self._update(state, decision.direction)
            released, state.held = sorted(state.held), {}
        self._reply(state, worker, decision, released)
        self._release(state, _versions(pending))
        for liar in sorted(state.withheld):
            held_back = state.pending[liar].job
            own, _ = self.worker.message(state.workers[liar], held_back, state.results[liar])
            if self.attack.release(self._view(state, liar, held_back.read_at, own.vector, held_back.serial)):
                state.due = liar
                del state.withheld[liar]
                break
        return event

    def _update(self, state: SimulationState, direction: Tensor) -> None:
        oldest = self.clock.oldest(state.clock, state.step + 1)
        if state.step >= oldest or state.readers.get(state.step):
            self._version(state, state.step)
        self.optimizer.apply(state.optimizer, state.params, direction, state.step)
        state.step += 1
        expired, state.oldest = range(state.oldest, oldest), oldest
        for version in expired:
            if not state.readers.get(version):
                state.snapshots.pop(version, None)

    def _reply(self, state: SimulationState, sender: int, decision: Decision, released: Iterable[int]) -> None:
        if decision.reply is Reply.RESTART:
            self.clock.restart(state.clock, state.step)
            everyone = sorted({sender, *state.pending, *state.held, *released})
            state.held = {}
            for worker in everyone:
                self._cancel(state, worker)
            for worker in everyone:
                self._dispatch(state, worker)
            return
        for worker in released:
            self._dispatch(state, worker)
        for worker in decision.cancel:
            if worker in state.pending:
                self._cancel(state, worker)
                self._dispatch(state, worker)
        if decision.reply is Reply.HOLD:
            state.held[sender] = None
            self.clock.hold(state.clock, sender)
        else:
            self._dispatch(state, sender)

    def _dispatch(self, state: SimulationState, worker: int) -> None:
        """The worker reads the model now."""
        seconds = self.clock.seconds(state.clock, worker)
        if self.attack.timed and worker in self.liars:
            nothing = state.params.new_empty(0)
            seconds = self.attack.duration(self._view(state, worker, state.step, nothing, state.arrivals), seconds)
            if math.isinf(seconds):
                return
        job = self.clock.dispatch(state.clock, worker, state.step, state.time, seconds)
        if job is not None:
            self._start(state, job)

    def _start(self, state: SimulationState, job: Job) -> None:
        pending = Pending(job, self.worker.plan(state.workers[job.worker], job))
        for version in _versions(pending):
            state.readers[version] = state.readers.get(version, 0) + 1
        state.pending[job.worker] = pending
        state.missing[job.worker] = None

    def _cancel(self, state: SimulationState, worker: int) -> None:
        pending = state.pending.pop(worker, None)
        if pending is None:
            return
        self.clock.cancel(state.clock, worker)
        for waiting in (state.missing, state.results, state.withheld):
            waiting.pop(worker, None)  # type: ignore[attr-defined]
        if state.due == worker:
            state.due = None
        self._release(state, _versions(pending))

    def _commit(self, state: SimulationState, worker: int, new: Any) -> None:
        old = state.workers[worker]
        state.workers[worker] = new
        for version in self.worker.keeps(new):
            state.readers[version] = state.readers.get(version, 0) + 1
        self._release(state, self.worker.keeps(old))

    def _release(self, state: SimulationState, versions: Iterable[int]) -> None:
        for version in versions:
            state.readers[version] -= 1
            if not state.readers[version]:
                del state.readers[version]
                if version < state.oldest:
                    state.snapshots.pop(version, None)

    def _version(self, state: SimulationState, version: int) -> Tensor:
        """A model that stays as it is."""
        snapshot = state.snapshots.get(version)
        if snapshot is None:
            # Nothing but the current model can be without a snapshot; anything older was dropped for good.
            assert version == state.step, f"version {version} was dropped before step {state.step}"
            snapshot = state.snapshots[version] = state.params.clone()
        return snapshot

    def _task(self, state: SimulationState, pending: Pending) -> Task:
        # An engine reads at once, so the live model needs no copy.
        params = tuple(
            state.params if version == state.step else state.snapshots[version] for version in pending.work.versions
        )
        return Task(pending.job, pending.work, params)

    def _forged(self, state: SimulationState, job: Job, own: Message) -> Message:
        forged = self.attack.forge(self._view(state, job.worker, job.read_at, own.vector, job.serial))
        return forged if isinstance(forged, Message) else Message(forged, own.bits)

    def _view(self, state: SimulationState, worker: int, read_at: int, own: Tensor, serial: int) -> View:
        rows = self._visible(state)
        return View(
            worker=worker,
            own=own,
            honest=torch.stack(rows) if rows else state.params.new_empty((0, state.params.numel())),
            params=state.params,
            read_params=self._version(state, read_at),
            read_at=read_at,
            step=state.step,
            time=state.time,
            num_workers=self.num_workers,
            num_byzantine=len(self.byzantine),
            f=self.f,
            aggregator=self.aggregator,
            state=state.aggregator,
            rng=self.streams.generator("attack", worker, serial),
            memory=state.attack,
        )

    def _visible(self, state: SimulationState) -> list[Tensor]:
        if self.attack.sees == "own" or self.knowledge == "own":
            return []
        if self.knowledge == "delivered":
            return [state.delivered[worker] for worker in self.honest if worker in state.delivered]
        rows = []
        for worker in self.honest:
            if worker in state.results:
                pending = state.pending[worker]
                message, _ = self.worker.message(state.workers[worker], pending.job, state.results[worker])
                rows.append(message.vector)
            elif worker in state.delivered:
                rows.append(state.delivered[worker])
        return rows


def events(simulation: Simulation, state: SimulationState, engine: Engine) -> Iterator[Event]:
    """Deliveries, one after another; ends when nothing can arrive any more."""
    while (tasks := simulation.missing_jobs(state, engine.capacity)) is not None:
        computed = engine.results(tasks) if tasks else ()
        event = simulation.deliver(
            state, {task.job.worker: result for task, result in zip(tasks, computed, strict=True)}
        )
        if event is not None:
            yield event


def _versions(pending: Pending) -> set[int]:
    return {pending.job.read_at, *pending.work.versions}
