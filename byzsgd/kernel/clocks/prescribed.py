"""Prescribed time: staleness is drawn, not caused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from byzsgd.checks import require
from byzsgd.interfaces import Job, StalenessLaw, Turn
from byzsgd.kernel.randomness import Streams

from .table import Table, Uniforms

Snapshot = tuple[int, int, int, tuple[int, ...], tuple[int, ...]]


class Upcoming(NamedTuple):
    """One of the next arrivals, as long as nobody is held or released."""

    worker: int
    serial: int
    staleness: int


@dataclass(slots=True)
class PrescribedState:
    """Whose turn it is, and what is spent."""

    arrivals: int  # so far: the time
    cursor: int  # the worker whose turn it would be
    floor: int  # version at which all were cancelled last
    serials: dict[int, int]  # of the next job of every worker
    held: dict[int, None]  # workers that wait for their dispatch

    def snapshot(self) -> Snapshot:
        """All of it in tuples, fit for saving."""
        serials = tuple(self.serials[worker] for worker in range(len(self.serials)))
        return self.arrivals, self.cursor, self.floor, serials, tuple(self.held)

    @classmethod
    def restore(cls, snapshot: Snapshot) -> PrescribedState:
        """The state that `snapshot` was taken of."""
        arrivals, cursor, floor, serials, held = snapshot
        return cls(arrivals, cursor, floor, dict(enumerate(serials)), dict.fromkeys(held))


@dataclass(frozen=True, slots=True)
class PrescribedClock:
    """Workers take turns (held ones are skipped), and the j-th job of a worker read the model τ updates back.

    Time is the number of the arrival, from 1. A job reads version max(step − τ, 0), and none from before the last time
    that all jobs were cancelled. It exists from its turn on: nothing is in flight, nobody is faster, nobody is away.
    """

    prescribed: ClassVar[bool] = True

    num_workers: int
    max_staleness: int
    draws: Callable[[int, int], float]  # (worker, serial) -> τ

    @classmethod
    def build(
        cls, delay: StalenessLaw, streams: Streams, num_workers: int, byzantine: tuple[int, ...]
    ) -> PrescribedClock:
        """Binds a law to a seed and n workers; liars are no different here."""
        require(num_workers >= 1, "the clock", "at least one worker", num_workers=num_workers)
        delay.check(num_workers)
        uniforms = Uniforms(streams, "staleness")
        table = Table(lambda workers, serials: delay.staleness(uniforms.of(workers), workers, serials), num_workers)
        return cls(num_workers, delay.max, table)

    def check(self, num_workers: int) -> None:
        require(
            num_workers == self.num_workers, "the clock", f"n={self.num_workers}, as built", num_workers=num_workers
        )

    def init(self, num_workers: int) -> PrescribedState:
        self.check(num_workers)
        return PrescribedState(0, 0, 0, dict.fromkeys(range(num_workers), 0), {})

    def seconds(self, state: PrescribedState, worker: int) -> float:
        """Nothing takes time here."""
        return 0.0

    def compute(self, state: PrescribedState, worker: int) -> float:
        return 0.0

    def way(self, state: PrescribedState, worker: int) -> float:
        return 0.0

    def dispatch(self, state: PrescribedState, worker: int, read_at: int, time: float, seconds: float) -> Job | None:
        state.held.pop(worker, None)
        return None

    def peek(self, state: PrescribedState, step: int) -> Turn | None:
        worker = self._next(state, state.cursor)
        if worker is None:
            return None
        serial, time = state.serials[worker], float(state.arrivals + 1)
        read_at = max(step - int(self.draws(worker, serial)), state.floor, 0)
        return Turn(time, worker, Job(worker, serial, read_at, time, time))

    def pop(self, state: PrescribedState) -> None:
        worker = self._next(state, state.cursor)
        if worker is not None:
            state.serials[worker] += 1
            state.held[worker] = None
            state.cursor = (worker + 1) % self.num_workers
            state.arrivals += 1

    def cancel(self, state: PrescribedState, worker: int, step: int, in_flight: bool) -> bool:
        waits_already = worker in state.held
        state.held[worker] = None
        if len(state.held) == self.num_workers:
            state.floor = step
        return not waits_already

    def oldest(self, state: PrescribedState, step: int) -> int:
        return max(step - self.max_staleness, state.floor, 0)

    def upcoming(self, state: PrescribedState, count: int) -> tuple[Upcoming, ...]:
        """The next `count` arrivals, the one that `peek` tells first; none when everyone waits."""
        upcoming: list[Upcoming] = []
        ahead: dict[int, int] = {}
        cursor = state.cursor
        while len(upcoming) < count and (worker := self._next(state, cursor)) is not None:
            serial = state.serials[worker] + ahead.get(worker, 0)
            ahead[worker] = ahead.get(worker, 0) + 1
            upcoming.append(Upcoming(worker, serial, int(self.draws(worker, serial))))
            cursor = (worker + 1) % self.num_workers
        return tuple(upcoming)

    @property
    def priced(self) -> bool:
        """Nothing costs anything where nobody comes and goes."""
        return False

    def cost(self, start: float, finish: float) -> float:
        return 0.0

    def _next(self, state: PrescribedState, cursor: int) -> int | None:
        if len(state.held) == self.num_workers:
            return None
        while cursor in state.held:
            cursor = (cursor + 1) % self.num_workers
        return cursor
