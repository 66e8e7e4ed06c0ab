"""Event-driven time: jobs take seconds, and staleness comes about."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from typing import ClassVar

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Availability, Job, JobLaw, Slots, Turn
from byzsgd.kernel.randomness import Streams

from .table import Table, Uniforms

Entry = tuple[float, int, int]  # (time, worker, serial): the order of turns
Snapshot = tuple[tuple[int, ...], tuple[Turn, ...]]


@dataclass(slots=True)
class EventState:
    """What is spent and what is under way. `queue` only orders `pending`, and may hold entries no longer in it."""

    serials: dict[int, int]  # of the next job of every worker
    pending: dict[int, Turn]  # what each worker is waiting for; one whose time is inf never comes
    queue: list[Entry] = field(repr=False)

    def snapshot(self) -> Snapshot:
        """All of it in tuples, fit for saving."""
        return tuple(self.serials[worker] for worker in range(len(self.serials))), tuple(self.pending.values())

    @classmethod
    def restore(cls, snapshot: Snapshot) -> EventState:
        """The state that `snapshot` was taken of."""
        serials, turns = snapshot
        state = cls(dict(enumerate(serials)), {turn.worker: turn for turn in turns}, [])
        state.reorder()
        return state

    def reorder(self) -> None:
        """Builds the queue anew from what is pending."""
        self.queue = [
            (turn.time, worker, self.token(turn)) for worker, turn in self.pending.items() if turn.time < math.inf
        ]
        heapify(self.queue)

    def token(self, turn: Turn) -> int:
        """What marks the entry of a turn: the serial of its job, or of the next job of a worker that comes back."""
        return self.serials[turn.worker] if turn.job is None else turn.job.serial

    def expected(self, entry: Entry) -> Turn | None:
        """The turn that an entry of the queue stands for; None: it was dropped since."""
        turn = self.pending.get(entry[1])
        return turn if turn is not None and turn.time == entry[0] and self.token(turn) == entry[2] else None


@dataclass(frozen=True, slots=True)
class EventClock:
    """Every worker computes one job at a time; the next delivery is the job that finishes first.

    Ties go to the lower worker. The j-th job of a worker takes the same seconds in every run of the seed, whatever
    happened before. A job that an outage cuts off is lost with its serial, and its worker is told when it is back.
    """

    prescribed: ClassVar[bool] = False

    num_workers: int
    durations: Callable[[int, int], float]  # (worker, serial) -> seconds of an honest job
    availability: Availability | None = None
    slots: Slots = lambda worker, slot: 0.0  # what the availability takes by chance

    @classmethod
    def build(cls, delay: JobLaw, streams: Streams, num_workers: int, byzantine: tuple[int, ...]) -> EventClock:
        """Binds a law to a seed, n workers and the ids of the liars."""
        require(num_workers >= 1, "the clock", "at least one worker", num_workers=num_workers)
        delay.check(num_workers)
        for worker in byzantine:
            require(0 <= worker < num_workers, "the clock", f"Byzantine ids in 0 … {num_workers - 1}", worker=worker)
        durations = Table(job_seconds(delay, streams, num_workers, byzantine), num_workers)
        availability, chance = delay.availability, Uniforms(streams, "availability")
        if availability is None:
            return cls(num_workers, durations)
        slots = Table(lambda workers, slots: availability.slots(chance.of(workers), workers, slots), num_workers)
        return cls(num_workers, durations, availability, slots)

    def check(self, num_workers: int) -> None:
        require(
            num_workers == self.num_workers, "the clock", f"n={self.num_workers}, as built", num_workers=num_workers
        )

    def init(self, num_workers: int) -> EventState:
        self.check(num_workers)
        return EventState(dict.fromkeys(range(num_workers), 0), {}, [])

    def seconds(self, state: EventState, worker: int) -> float:
        return self.durations(worker, state.serials[worker])

    def dispatch(self, state: EventState, worker: int, read_at: int, time: float, seconds: float) -> Job | None:
        if not seconds >= 0.0:
            require(False, "a job", "seconds >= 0", seconds=seconds, worker=worker, serial=state.serials[worker])
        serial = state.serials[worker]
        finish = time + seconds
        job: Job | None = None
        cut = None
        if self.availability is not None and finish < math.inf:
            cut = self.availability.outage(self.slots, worker, time, finish)
        if cut is None:
            job = Job(worker, serial, read_at, time, finish)
            turn = Turn(finish, worker, job)
            state.serials[worker] = serial + 1
        else:
            down, back = cut
            if down > time:
                serial += 1
                state.serials[worker] = serial
            turn = Turn(back, worker, None)
        state.pending[worker] = turn
        if turn.time < math.inf:
            entry = (turn.time, worker, serial)
            if state.queue and state.expected(state.queue[0]) is None:
                heapreplace(state.queue, entry)
            else:
                heappush(state.queue, entry)
        return job

    def peek(self, state: EventState, step: int) -> Turn | None:
        queue = state.queue
        while queue:
            turn = state.expected(queue[0])
            if turn is not None:
                return turn
            heappop(queue)
        return None

    def pop(self, state: EventState) -> None:
        del state.pending[state.queue[0][1]]

    def hold(self, state: EventState, worker: int) -> None:
        """Nothing to do: a worker that is not dispatched has nothing pending."""

    def cancel(self, state: EventState, worker: int) -> None:
        state.pending.pop(worker, None)
        if len(state.queue) > 2 * len(state.pending) + self.num_workers:
            state.reorder()

    def restart(self, state: EventState, step: int) -> None:
        """Nothing to do: jobs read at their dispatch, and those in flight are cancelled one by one."""

    def oldest(self, state: EventState, step: int) -> int:
        return step

    def upcoming(self, state: EventState, count: int) -> tuple[tuple[int, int, int], ...]:
        """Nothing to tell: staleness comes about."""
        return ()

    @property
    def priced(self) -> bool:
        return self.availability is not None and self.availability.priced

    def cost(self, start: float, finish: float) -> float:
        if self.availability is None:
            return 0.0
        return math.fsum(
            self.availability.cost(self.slots, worker, start, finish) for worker in range(self.num_workers)
        )


def job_seconds(
    delay: JobLaw, streams: Streams, num_workers: int, byzantine: tuple[int, ...]
) -> Callable[[range, range], np.ndarray]:
    """(workers, serials) -> seconds of their jobs: computation times the worker's factor, plus communication."""
    compute, travel = Uniforms(streams, "compute"), Uniforms(streams, "communication")
    factors = np.ones(num_workers)
    if delay.heterogeneity is not None:
        factors = np.asarray(
            delay.heterogeneity.factors(num_workers, streams.generator("heterogeneity")), dtype=np.float64
        )
    liars = frozenset(byzantine)

    def function(workers: range, serials: range) -> np.ndarray:
        draws = compute.of(workers)
        seconds = delay.seconds(draws, workers, serials) * factors[workers.start : workers.stop, None]
        lying = np.array([worker in liars for worker in workers])
        if delay.byzantine is not None and lying.any():
            seconds = np.where(lying[:, None], delay.byzantine.liars(seconds, draws, workers, serials), seconds)
        if delay.communication is not None:
            seconds = seconds + delay.communication.seconds(travel.of(workers), workers, serials)
        return seconds

    return function
