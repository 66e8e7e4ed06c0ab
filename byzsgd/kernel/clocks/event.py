"""Event-driven time: jobs take seconds, and staleness comes about."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Availability, Job, JobLaw, Slots, Turn
from byzsgd.kernel.randomness import Streams

from .agenda import A_DAY, Agenda, Entry
from .table import Table, Uniforms

SAMPLE = 63  # workers whose first jobs tell how many arrivals to expect in a second


@dataclass(frozen=True, slots=True)
class EventClock:
    """Every worker computes one job at a time; the next delivery is the job that finishes first.

    Ties go to the lower worker. The j-th job of a worker takes the same seconds in every run of the seed, whatever
    happened before. A job that an outage cuts off is lost with its serial, and its worker is told when it is back.
    """

    prescribed: ClassVar[bool] = False

    num_workers: int
    durations: Callable[[int, int], float]  # (worker, serial) -> seconds of an honest job
    computing: Callable[[int, int], float]  # of these, those of the computation
    travelling: Callable[[int, int], float]  # and those of the way
    availability: Availability | None = None
    slots: Slots = lambda worker, slot: 0.0  # what the availability takes by chance

    @classmethod
    def build(cls, delay: JobLaw, streams: Streams, num_workers: int, byzantine: tuple[int, ...]) -> EventClock:
        """Binds a law to a seed, n workers and the ids of the liars."""
        require(num_workers >= 1, "the clock", "at least one worker", num_workers=num_workers)
        delay.check(num_workers)
        for worker in byzantine:
            require(0 <= worker < num_workers, "the clock", f"Byzantine ids in 0 … {num_workers - 1}", worker=worker)
        compute, travel = job_seconds(delay, streams, num_workers, byzantine)
        durations = Table(lambda workers, serials: compute(workers, serials) + travel(workers, serials), num_workers)
        parts = Table(compute, num_workers), Table(travel, num_workers)
        availability, chance = delay.availability, Uniforms(streams, "availability")
        if availability is None:
            return cls(num_workers, durations, *parts)
        # Slots are looked at ahead, by jobs of any length, so more of them are kept.
        slots = Table(lambda workers, slots: availability.slots(chance.of(workers), workers, slots), num_workers, 8)
        return cls(num_workers, durations, *parts, availability, slots)

    def check(self, num_workers: int) -> None:
        require(
            num_workers == self.num_workers, "the clock", f"n={self.num_workers}, as built", num_workers=num_workers
        )

    def init(self, num_workers: int) -> Agenda:
        self.check(num_workers)
        sample = sorted(self.durations(worker, 0) for worker in range(0, num_workers, -(-num_workers // SAMPLE)))
        typical = sample[len(sample) // 2]
        pace = num_workers / typical / A_DAY if 0 < typical < math.inf else 1.0
        return Agenda(
            pace if pace < math.inf else 1.0, {worker: (math.inf, worker, -1, None) for worker in range(num_workers)}
        )

    def seconds(self, state: Agenda, worker: int) -> float:
        return self.durations(worker, state.last[worker][2] + 1)

    def compute(self, state: Agenda, worker: int) -> float:
        return self.computing(worker, state.serial(worker))

    def way(self, state: Agenda, worker: int) -> float:
        return self.travelling(worker, state.serial(worker))

    def dispatch(self, state: Agenda, worker: int, read_at: int, time: float, seconds: float) -> Job | None:
        serial = state.last[worker][2] + 1
        if not seconds >= 0.0:
            require(False, "a job", "seconds >= 0", seconds=seconds, worker=worker, serial=serial)
        finish = time + seconds
        job: Job | None = Job(worker, serial, read_at, time, finish)
        entry: Entry = (finish, worker, serial, job)
        if self.availability is not None and finish < math.inf:
            outage = self.availability.outage(self.slots, worker, time, finish)
            if outage is not None:
                down, back = outage
                job = None
                entry = (back, worker, serial if down > time else serial - 1, None)
        state.add(entry)
        return job

    def peek(self, state: Agenda, step: int) -> Turn | None:
        entry = state.first()
        return None if entry is None else Turn(entry[0], entry[1], entry[3])

    def pop(self, state: Agenda) -> None:
        state.done()

    def cancel(self, state: Agenda, worker: int, step: int, in_flight: bool) -> bool:
        if in_flight:
            state.drop(worker)
        return in_flight

    def oldest(self, state: Agenda, step: int) -> int:
        return step

    def upcoming(self, state: Agenda, count: int) -> tuple[tuple[int, int, int], ...]:
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
) -> tuple[Callable[[range, range], np.ndarray], Callable[[range, range], np.ndarray]]:
    """(workers, serials) -> seconds of their computation, times the worker's factor; and those of the way."""
    compute, travel = Uniforms(streams, "compute"), Uniforms(streams, "communication")
    factors = np.ones(num_workers)
    if delay.heterogeneity is not None:
        factors = np.asarray(
            delay.heterogeneity.factors(num_workers, streams.generator("heterogeneity")), dtype=np.float64
        )
        valid = bool(((factors > 0) & (factors < np.inf)).all())
        require(valid, "delay.heterogeneity", "0 < factors < inf", least=factors.min(), largest=factors.max())
    liars = frozenset(byzantine)

    def computing(workers: range, serials: range) -> np.ndarray:
        draws = compute.of(workers)
        with np.errstate(all="ignore"):  # a job may take longer than there are numbers: inf, it never ends
            seconds = delay.seconds(draws, workers, serials) * factors[workers.start : workers.stop, None]
        lying = np.array([worker in liars for worker in workers])
        if delay.byzantine is not None and lying.any():
            seconds = np.where(lying[:, None], delay.byzantine.liars(seconds, draws, workers, serials), seconds)
        return seconds

    def travelling(workers: range, serials: range) -> np.ndarray:
        if delay.communication is None:
            return np.zeros((len(workers), len(serials)))
        return delay.communication.seconds(travel.of(workers), workers, serials)

    return computing, travelling
