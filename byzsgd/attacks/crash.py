"""Silence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from byzsgd.checks import require
from byzsgd.interfaces import Attack, View


@dataclass(frozen=True, kw_only=True)
class Crash(Attack):
    """Never answers: a job that a liar starts at time `after` (virtual seconds) or later is not delivered.

    It stops servers that wait for everyone, and costs the others only the liars' share of the work.
    """

    after: float = 0.0

    timed = True

    def __post_init__(self) -> None:
        require(self.after >= 0, "crash", "after >= 0", after=self.after)

    def duration(self, view: View, honest_seconds: float) -> float:
        return honest_seconds if view.time < self.after else math.inf
