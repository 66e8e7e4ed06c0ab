from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from byzsgd.checks import require
from byzsgd.interfaces import Slots

from .presence import Presence


@dataclass(frozen=True, kw_only=True)
class Crash(Presence):
    """The workers of the list `workers` stop at second `at` and never come back."""

    at: float
    workers: Sequence[int]

    def __post_init__(self) -> None:
        require(self.at >= 0, "crash", "at >= 0", at=self.at)

    def check(self, num_workers: int) -> None:
        for worker in self.workers:
            exists = worker in range(num_workers)
            require(exists, "crash", f"worker ids in 0 … {num_workers - 1}", worker=worker)

    def outage(self, slots: Slots, worker: int, start: float, finish: float) -> tuple[float, float] | None:
        cut = worker in self.workers and (self.at < finish or self.at <= start)
        return (self.at, math.inf) if cut else None
