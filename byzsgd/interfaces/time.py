"""Time: who arrives next, and the laws that say so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

import numpy as np

from byzsgd.interfaces.values import S, value
from byzsgd.interfaces.worker import Job


@value
class Turn:
    """The next thing that the clock has to tell: a delivery, or a worker that comes back without one."""

    time: float
    worker: int
    job: Job | None  # None: the worker is back after an interruption and reads the model now


class Clock(Protocol[S]):
    """Decides who arrives next and which model version that worker had read."""

    prescribed: ClassVar[bool]  # staleness is drawn, not caused: jobs exist only from their turn on

    def check(self, num_workers: int) -> None: ...

    def init(self, num_workers: int) -> S: ...

    def seconds(self, state: S, worker: int) -> float:
        """How long an honest next job of this worker takes: a function of (seed, worker, serial) alone."""

    def compute(self, state: S, worker: int) -> float:
        """Of these seconds, those of the computation."""

    def way(self, state: S, worker: int) -> float:
        """Of these seconds, those of the way."""

    def dispatch(self, state: S, worker: int, read_at: int, time: float, seconds: float) -> Job | None:
        """The worker reads the model now. The job that starts; None where jobs start only at their turn, or where
        the worker is interrupted before it finishes."""

    def peek(self, state: S, step: int) -> Turn | None:
        """The next turn, unchanged by being asked; None: nothing can arrive any more."""

    def pop(self, state: S) -> None:
        """The turn that `peek` returned has happened: its worker waits until it is dispatched."""

    def cancel(self, state: S, worker: int, step: int, in_flight: bool) -> bool:
        """The job of this worker is dropped, and its serial stays spent; whether the worker now waits for its dispatch.
        `in_flight`: it has a job that started. Where all workers wait, nothing older than version `step` is read."""

    def oldest(self, state: S, step: int) -> int:
        """The oldest version that a job not yet started may read."""

    def upcoming(self, state: S, count: int) -> Sequence[tuple[int, int, int]]:
        """(worker, serial, staleness) of the next arrivals, the one that `peek` returns first, where staleness is
        prescribed; nothing where it comes about."""

    @property
    def priced(self) -> bool:
        """Whether time costs money here."""

    def cost(self, start: float, finish: float) -> float:
        """Money spent on all workers together during [start, finish): a function of the clock alone."""


# The uniform numbers in [0, 1) of some workers at the serials asked for, as (workers, serials): a function of
# (seed, stream name, worker, serial), so any serial may be asked for at any time.
Draws = Callable[[range], np.ndarray]


Slots = Callable[[int, int], float]  # (worker, number of the slot of time) -> what it brings


class Delay(Protocol):
    """A law of time, as configured: seconds of a job, or staleness in updates, for every worker and serial."""

    prescribed: ClassVar[bool]

    def check(self, num_workers: int) -> None:
        """Raises ValueError when the law cannot serve n workers."""


class StalenessLaw(Delay, Protocol):
    """A prescribed law (`prescribed` is True): τ of the j-th job of every worker, from 0 to `max`."""

    max: int

    def staleness(self, draws: Draws, workers: range, serials: range) -> np.ndarray:
        """(workers, serials) of int64."""


class JobLaw(Delay, Protocol):
    """A law of seconds (`prescribed` is False), with what stands around it; None: nothing does."""

    @property
    def communication(self) -> JobLaw | None:
        """Seconds of the way, added to those of the computation."""

    @property
    def heterogeneity(self) -> Heterogeneity | None: ...

    @property
    def availability(self) -> Availability | None: ...

    @property
    def byzantine(self) -> LiarsLaw | None: ...

    def seconds(self, draws: Draws, workers: range, serials: range) -> np.ndarray:
        """(workers, serials) of float64: a job, before heterogeneity and communication; inf: it never ends."""


class LinkLaw(Protocol):
    """A law of the way that says what it is made of: a message of b bits takes latency + per_message + b/bandwidth."""

    @property
    def latency(self) -> float: ...

    @property
    def per_message(self) -> float: ...

    @property
    def bandwidth(self) -> float: ...


class Heterogeneity(Protocol):
    """How much slower than the law each worker computes."""

    def factors(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        """(n,) positive factors of the seconds."""


class LiarsLaw(Protocol):
    """How long the computations of Byzantine workers take."""

    def check_part(self, who: str, num_workers: int) -> None:
        """Raises ValueError, in the name of `who`, when it cannot stand inside a delay of n workers."""

    def liars(self, honest: np.ndarray, draws: Draws, workers: range, serials: range) -> np.ndarray:
        """(workers, serials): `honest` is what honest workers in their place would take."""


class Availability(Protocol):
    """When workers are there, and what their presence costs: functions of (worker, time) alone."""

    @property
    def priced(self) -> bool:
        """Whether anything costs anything, and so is worth recording."""

    def check(self, num_workers: int) -> None: ...

    def slots(self, draws: Draws, workers: range, slots: range) -> np.ndarray:
        """(workers, slots) what each slot of time brings by chance: a price, a number that decides who is there."""

    def outage(self, slots: Slots, worker: int, start: float, finish: float) -> tuple[float, float] | None:
        """The first [down, back) that leaves no room for a job over [start, finish]: down < finish, or down <= start.
        None: it can be done; back is inf when the worker never returns. finish is finite."""

    def cost(self, slots: Slots, worker: int, start: float, finish: float) -> float:
        """Money spent on this worker during [start, finish)."""
