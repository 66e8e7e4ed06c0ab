"""When it is time for a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SHARE = 20  # the work between two checkpoints takes at least so many times as long as a checkpoint
FIRST = 1.0  # seconds of work before the first checkpoint, at the least
SPEED = 2e8  # bytes per second: the assumption for the first checkpoint, whose cost is not measured yet


@dataclass
class Saving:
    """A checkpoint is due after every `every` arrivals. None: when the work since the last one took SHARE times its
    cost, so that checkpoints take at most 5 % of the time, whatever the size of the model. The moments of checkpoints
    change no result."""

    every: int | None
    cost: float = FIRST / SHARE  # seconds that the last one took
    measured: bool = False  # whether there was one
    since: float = field(default_factory=time.perf_counter)  # when it ended

    def due(self, arrivals: int, size: Callable[[], int]) -> bool:
        """Whether a checkpoint is due after so many arrivals. `size`: the bytes of the state, for the first one."""
        if self.every is not None:
            return arrivals % self.every == 0
        work = time.perf_counter() - self.since
        if not self.measured and work >= SHARE * self.cost:
            self.cost = max(self.cost, size() / SPEED)  # a state grows at first
        return work >= SHARE * self.cost

    def left(self, arrivals: int) -> int | None:
        """How many arrivals there may be before one can be due; None: any number."""
        return None if self.every is None else self.every - arrivals % self.every

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measures the cost of the checkpoint inside."""
        began = time.perf_counter()
        yield
        self.since = time.perf_counter()
        self.cost, self.measured = self.since - began, True
