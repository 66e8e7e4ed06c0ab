"""The simulation: an explicit state and one step function. It knows neither files, nor Hydra, nor nn.Module."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
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
    WorkerContext,
    WorkerRule,
    value,
)
from byzsgd.kernel.memory import kept
from byzsgd.kernel.norms import Norms
from byzsgd.kernel.randomness import Stream, Streams
from byzsgd.kernel.sight import Sight


@value
class Pending:
    """A job that has started: what it computes is fixed."""

    job: Job
    work: Work
    versions: tuple[int, ...]  # all that it reads, each once


@value
class Guess:
    """A job computed before its turn, on the version that it will have read if updates go on as they did."""

    serial: int
    work: Work
    result: Tensor


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
    results: dict[int, Tensor] = field(default_factory=dict)  # worker -> (m, d) of its job in flight
    started: dict[int, None] = field(default_factory=dict)  # workers whose job is not yet in the queue
    queue: list[tuple[float, int, int]] = field(default_factory=list)  # heap (finish, worker, serial) for looking ahead
    turn: Job | None = None  # the job that is delivered next, where that was asked
    guesses: dict[int, Guess] = field(default_factory=dict)  # worker -> its next job, where staleness is prescribed
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
    layers: tuple[int, ...]  # sizes of the model's parameter tensors
    liars: frozenset[int] = field(init=False)
    honest: tuple[int, ...] = field(init=False)
    forges: bool = field(init=False)
    shown: Knowledge = field(init=False)  # what the liars see: nothing where their attack looks at nothing
    sight: Sight = field(init=False, default_factory=Sight, repr=False, compare=False)
    norms: Norms = field(init=False, default_factory=Norms, repr=False, compare=False)
    draws: Stream = field(init=False, repr=False, compare=False)  # of the attack

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "liars", frozenset(self.byzantine))
        put(self, "honest", tuple(w for w in range(self.num_workers) if w not in self.liars))
        # A View costs more than a small gradient: it is made only for attacks that look at it.
        put(self, "forges", type(self.attack).forge is not Attack.forge)
        put(self, "draws", self.streams.stream("attack"))
        put(self, "shown", "own" if self.attack.sees == "own" else self.knowledge)

    def init(self, params: Tensor, trusted_gradient: Callable[[Tensor], Tensor] | None = None) -> SimulationState:
        """Everybody reads version 0 at time 0. `params` becomes the live model."""
        context = self.context(params, trusted_gradient)
        contexts = [
            WorkerContext(worker, params.numel(), self.layers, self.streams.of_worker(worker))
            for worker in range(self.num_workers)
        ]
        state = SimulationState(
            params=params,
            clock=self.clock.init(self.num_workers),
            optimizer=self.optimizer.init(params),
            aggregator=self.aggregator.init(context),
            attack=self.attack.init(self.adversary(params)),
            workers={each.worker: self.worker.init(each) for each in contexts},
        )
        for worker in range(self.num_workers):
            self._dispatch(state, worker)
        return state

    def adversary(self, params: Tensor) -> AdversaryContext:
        """What the attack is given."""
        return AdversaryContext(self.num_workers, self.byzantine, self.f, params.numel(), self.aggregator)

    def context(self, params: Tensor, trusted_gradient: Callable[[Tensor], Tensor] | None = None) -> ServerContext:
        """What the server is given, and given again at resume."""

        def stream(name: str, step: int) -> np.random.Generator:
            return self.streams.generator(f"server/{name}", 0, step)

        return ServerContext(self.num_workers, params, trusted_gradient, stream, self.stamps)

    def missing_jobs(self, state: SimulationState, group: int = 1, ahead: int = 1) -> list[Task] | None:
        """The jobs whose results `deliver` needs, the next delivery's first; where any is missing, others that will be
        delivered soon fill the call up to `group` jobs, as long as no more than `ahead` results wait.

        Empty: nothing is missing. None: nothing can arrive any more (everyone is held or has crashed).
        """
        job = self._next(state)
        if job is None:
            return None
        if job.worker not in state.pending:  # a clock with prescribed staleness starts jobs at their turn
            self._start(state, job)
        needed = [] if job.worker in state.results else [job.worker]
        if self.forges and job.worker in self.liars and self.shown == "in_flight":
            needed += [worker for worker in self.honest if worker in state.pending and worker not in state.results]
        if not needed:
            return []
        tasks = [self._task(state, state.pending[worker]) for worker in needed]
        room = min(group, ahead - len(state.results) - len(state.guesses)) - len(tasks)
        if room > 0:
            chosen = self._guessed(state, room) if self.clock.prescribed else self._soonest(state, room, set(needed))
            tasks += [self._task(state, pending) for pending in chosen]
        return tasks

    def _soonest(self, state: SimulationState, count: int, taken: set[int]) -> list[Pending]:
        """The jobs in flight without result that will be delivered first: their results wait the shortest."""
        # Only those who look ahead pay for the heap.
        for worker in state.started:
            pending = state.pending.get(worker)
            if pending is not None:
                heappush(state.queue, (pending.job.finish, worker, pending.job.serial))
        state.started.clear()
        chosen: list[Pending] = []
        while state.queue and len(chosen) < count:
            _, worker, serial = heappop(state.queue)
            pending = state.pending.get(worker)
            if pending is None or pending.job.serial != serial or worker in state.results or worker in taken:
                continue
            chosen.append(pending)
        return chosen

    def _guessed(self, state: SimulationState, count: int) -> list[Pending]:
        """The next jobs of a clock with prescribed staleness, as far as their versions exist already if every arrival
        brings as many updates as it did so far."""
        rate = state.step / state.arrivals if state.arrivals else 1.0
        chosen: list[Pending] = []
        turns = self.clock.upcoming(state.clock, min(count + 1, self.num_workers - len(state.held)))
        for distance, (worker, serial, staleness) in enumerate(turns):
            if not distance or worker in state.guesses:
                continue
            read_at = max(
                state.step + math.floor(distance * rate) - staleness, self.clock.oldest(state.clock, state.step)
            )
            if read_at > state.step:
                continue
            time = state.time + 1.0 + distance
            job = Job(worker, serial, read_at, time, time)
            pending = self._planned(state, job)
            if all(version == state.step or version in state.snapshots for version in pending.work.versions):
                chosen.append(pending)
        return chosen

    def deliver(self, state: SimulationState, results: Iterable[tuple[Task, Tensor]]) -> Event | None:
        """The next delivery happens; `results` are the tasks of `missing_jobs` with what an engine made of them.

        None: a liar held its message back, and the delivery after it has no result yet.
        """
        new: dict[int, Tensor] = {}
        for task, result in results:
            worker = task.job.worker
            new[worker] = result
            if (pending := state.pending.get(worker)) is not None and pending.job is task.job:
                state.results[worker] = result
            else:
                state.guesses[worker] = Guess(task.job.serial, task.work, result)
        if new:
            self.norms.expect(new, state.params.device)
        while True:
            job = self._next(state)
            if job is None or job.worker not in state.results:
                return None
            state.turn = None
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
        if state.turn is not None:
            return state.turn
        if state.due is not None:
            return state.pending[state.due].job
        while (turn := self.clock.peek(state.clock, state.step)) is not None:
            if turn.job is not None:
                state.turn = turn.job
                return turn.job
            state.time = turn.time
            self.clock.pop(state.clock)
            self._dispatch(state, turn.worker)
        return None

    def _deliver(self, state: SimulationState, job: Job) -> Event:
        worker = job.worker
        byzantine = worker in self.liars
        pending = state.pending.pop(worker)
        result = state.results.pop(worker)
        message, worker_state = self.worker.message(state.workers[worker], job, result)
        if byzantine and self.forges:
            message = self._forged(state, job, message)
        vector = message.vector
        norm = self.norms.of(worker, result, vector)
        if not byzantine:
            if not math.isfinite(norm) and not bool(torch.isfinite(vector).all()):
                raise HonestNotFinite(self._task(state, pending), state.step, state.time)
            if self.shown != "own":
                state.delivered[worker] = vector

        read_at = job.read_at
        if not self.stamps and message.claimed_read_at is not None:
            read_at = message.claimed_read_at
        arrival = Arrival(state.time, worker, read_at, state.step, vector, self._version(state, read_at))
        decision = self.aggregator.receive(state.aggregator, arrival)
        direction = decision.direction
        event = Event(arrival, message, decision, job.serial, byzantine, job.read_at, norm, direction is not None)
        state.arrivals += 1
        self._commit(state, worker, worker_state)
        released: Iterable[int] = ()
        if direction is not None:
            self._update(state, direction)
            if state.held:
                released, state.held = sorted(state.held), {}
        self._reply(state, worker, decision, released)
        self._release(state, pending.versions)
        if state.withheld:
            self._ask_withheld(state)
        return event

    def _ask_withheld(self, state: SimulationState) -> None:
        """After every delivery: the first liar that lets its message go now sends next."""
        for liar in sorted(state.withheld):
            held_back = state.pending[liar].job
            own, _ = self.worker.message(state.workers[liar], held_back, state.results[liar])
            if self.attack.release(self._view(state, liar, held_back.read_at, own.vector, held_back.serial)):
                state.due = liar
                del state.withheld[liar]
                break

    def _update(self, state: SimulationState, direction: Tensor) -> None:
        oldest = self.clock.oldest(state.clock, state.step + 1)
        if not self.stamps:
            oldest = max(0, min(oldest, state.step + 1 - self.attack.claims))
        if state.step >= oldest or state.step in state.readers:
            self._version(state, state.step)
        self.optimizer.apply(state.optimizer, state.params, direction, state.step)
        state.step += 1
        for version in range(state.oldest, oldest):
            if version not in state.readers:
                state.snapshots.pop(version, None)
        state.oldest = oldest

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
        worker, readers = job.worker, state.readers
        pending = state.pending[worker] = self._planned(state, job)
        for version in pending.versions:
            readers[version] = readers.get(version, 0) + 1
        if not self.clock.prescribed:
            state.started[worker] = None
            return
        guess = state.guesses.pop(worker, None)
        if guess is not None and guess.serial == job.serial and guess.work == pending.work:
            state.results[worker] = guess.result

    def _planned(self, state: SimulationState, job: Job) -> Pending:
        work = self.worker.plan(state.workers[job.worker], job)
        named = work.versions
        versions = named if named == (job.read_at,) else tuple(dict.fromkeys((job.read_at, *named)))
        return Pending(job, work, versions)

    def _cancel(self, state: SimulationState, worker: int) -> None:
        pending = state.pending.pop(worker, None)
        if pending is None:
            return
        state.started.pop(worker, None)
        self.clock.cancel(state.clock, worker)
        state.results.pop(worker, None)
        state.withheld.pop(worker, None)
        if state.due == worker:
            state.due = None
        self._release(state, pending.versions)

    def _commit(self, state: SimulationState, worker: int, new: Any) -> None:
        old = state.workers[worker]
        if new is old:
            return
        state.workers[worker] = new
        for version in self.worker.keeps(new):
            state.readers[version] = state.readers.get(version, 0) + 1
        self._release(state, self.worker.keeps(old))

    def _release(self, state: SimulationState, versions: Iterable[int]) -> None:
        readers = state.readers
        for version in versions:
            left = readers[version] - 1
            if left:
                readers[version] = left
            else:
                del readers[version]
                if version < state.oldest:
                    state.snapshots.pop(version, None)

    def _version(self, state: SimulationState, version: int) -> Tensor:
        """A model that stays as it is."""
        snapshot = state.snapshots.get(version)
        if snapshot is None:
            # Nothing but the current model can be without a snapshot; anything older was dropped for good.
            assert version == state.step, f"version {version} was dropped before step {state.step}"
            snapshot = state.snapshots[version] = kept(state.params)
        return snapshot

    def _task(self, state: SimulationState, pending: Pending) -> Task:
        # An engine reads at once, so the live model needs no copy.
        step, snapshots = state.step, state.snapshots
        versions = pending.work.versions
        params = tuple([state.params if version == step else snapshots[version] for version in versions])
        return Task(pending.job, pending.work, params)

    def _forged(self, state: SimulationState, job: Job, own: Message) -> Message:
        view = self._view(state, job.worker, job.read_at, own.vector, job.serial, sending=True)
        forged = self.attack.forge(view)
        return forged if isinstance(forged, Message) else Message(forged, own.bits)

    def _view(
        self, state: SimulationState, worker: int, read_at: int, own: Tensor, serial: int, sending: bool = False
    ) -> View:
        return View(
            worker=worker,
            own=own,
            honest=self.sight.together(self._visible(state, sending), state.params),
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
            rng=self.draws.at(worker, serial),
            memory=state.attack,
            ready=tuple(sorted(state.withheld)),
        )

    def _visible(self, state: SimulationState, sending: bool) -> list[Tensor]:
        if self.shown == "own":
            return []
        # When timing is asked, which jobs in flight have a result already is a matter of how the engine groups them.
        if self.shown == "delivered" or not sending:
            return [state.delivered[worker] for worker in self.honest if worker in state.delivered]
        rows = []
        for worker in self.honest:
            result = state.results.get(worker)
            if result is not None:
                known = self.sight.messages.get(worker)
                if known is None or known[0] is not result:
                    message, _ = self.worker.message(state.workers[worker], state.pending[worker].job, result)
                    known = self.sight.messages[worker] = (result, message.vector)
                rows.append(known[1])
            elif worker in state.delivered:
                rows.append(state.delivered[worker])
        return rows


def events(simulation: Simulation, state: SimulationState, engine: Engine) -> Iterator[Event]:
    """Deliveries, one after another; ends when nothing can arrive any more."""
    while (tasks := simulation.missing_jobs(state, engine.group, engine.ahead)) is not None:
        results = zip(tasks, engine.results(tasks), strict=True) if tasks else ()
        event = simulation.deliver(state, results)
        if event is not None:
            yield event
