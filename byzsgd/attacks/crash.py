"""Silence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from byzsgd.checks import require
from byzsgd.interfaces import Attack, View


@dataclass(frozen=True, kw_only=True)
class Crash(Attack):
    """Never answers: a job that a liar starts at time `after` (virtual seconds) or later is not delivered.

    Lamport, Shostak, Pease: The Byzantine generals problem (ACM TOPLAS 4(3), 1982) has it as the mildest fault. It
    stops servers that wait for everyone.
    """

    after: float = 0.0

    timed = True

    def __post_init__(self) -> None:
        require(self.after >= 0, "crash", "after >= 0", after=self.after)

    def duration(self, view: View, honest_seconds: float) -> float:
        return honest_seconds if view.time < self.after else math.inf
