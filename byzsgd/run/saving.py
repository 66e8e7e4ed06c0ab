"""When it is time for a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SHARE = 20  # the work since the last checkpoint costs at least so many times as much as it did
FIRST = 1.0  # seconds of work before the first one
SPEED = 2e8  # bytes a second that the first one is taken to write, since it has not been timed


@dataclass
class Saving:
    """Every so many arrivals; None: when the work since the last one is SHARE times its cost, so that checkpoints take
    5 % of the time at most, whatever a model weighs. Which moments these are changes no result."""

    every: int | None
    cost: float = FIRST / SHARE  # seconds of the last one
    known: bool = False  # whether there was one
    since: float = field(default_factory=time.perf_counter)

    def due(self, arrivals: int, size: Callable[[], int]) -> bool:
        """Whether it is time after so many arrivals. `size`: bytes of the state, asked for before the first one."""
        if self.every is not None:
            return arrivals % self.every == 0
        work = time.perf_counter() - self.since
        if not self.known and work >= SHARE * self.cost:
            self.cost = max(size() / SPEED, FIRST / SHARE)  # a state grows at first
        return work >= SHARE * self.cost

    def left(self, arrivals: int) -> int | None:
        """How many arrivals there may be before it can be time; None: any number."""
        return None if self.every is None else self.every - arrivals % self.every

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Around a checkpoint."""
        began = time.perf_counter()
        yield
        self.since = time.perf_counter()
        self.cost, self.known = self.since - began, True
