"""Base classes of the laws of availability: for all of them, and for those with slots of time."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Draws, Slots

SLOTS = 10**6  # slots that a worker may be away in the mean
COUNTED = 2**53  # beyond it the numbers of slots and periods, and their products with a length, are not exact


def number_of(who: str, time: float, length: float) -> int:
    """The number j of the span [j·length, (j + 1)·length) that contains a time. The rounded products decide."""
    require(abs(time) < COUNTED * length, who, f"a time of less than {COUNTED} spans", time=time, span=length)
    number = int(time // length)
    while (number + 1) * length <= time:
        number += 1
    while number * length > time:
        number -= 1
    return number


@dataclass(frozen=True, kw_only=True)
class Presence(ABC):
    """Workers that are there at some times; a second of presence costs `rate`."""

    interrupts: ClassVar[bool] = True

    @property
    def rate(self) -> float:
        return 0.0

    @property
    def grain(self) -> float:
        """Seconds per step of the search for the presence of a worker; inf: there is no search."""
        return math.inf

    @property
    def priced(self) -> bool:
        return self.rate > 0

    def check(self, num_workers: int) -> None:  # noqa: B027 (any number of workers will do, unless a member says otherwise)
        """Any number of workers will do."""

    def slots(self, draws: Draws, workers: range, slots: range) -> np.ndarray:
        return draws(slots)

    @abstractmethod
    def outage(self, slots: Slots, worker: int, start: float, finish: float) -> tuple[float, float] | None: ...

    def cost(self, slots: Slots, worker: int, start: float, finish: float) -> float:
        return self.rate * self.presence(slots, worker, start, finish) if self.priced else 0.0

    def presence(self, slots: Slots, worker: int, start: float, finish: float) -> float:
        """Seconds of [start, finish) at which the worker is there."""
        there, now = 0.0, start
        while now < finish:
            cut = self.outage(slots, worker, now, finish)
            if cut is None:
                return there + finish - now
            down, back = cut
            there += max(down - now, 0.0)
            now = back
        return there


@dataclass(frozen=True, kw_only=True)
class Slotted(Presence):
    """A worker is there, or not, for whole slots of `slot` seconds; slot j is [j·slot, (j + 1)·slot)."""

    slot: float

    def check_slot(self, who: str) -> None:
        require(0 < self.slot < math.inf, who, "0 < slot < inf", slot=self.slot)

    def check_chance(self, who: str, chance: float, /, **values: float) -> None:
        """Refuses a chance of presence per slot that is too small. `values`: the settings that the error shows."""
        needs = f"a worker that is there in at least one of {SLOTS} slots in the mean"
        require(chance * SLOTS >= 1, who, needs, **values)

    @property
    def grain(self) -> float:
        return self.slot

    @abstractmethod
    def there(self, slots: Slots, worker: int, slot: int) -> bool:
        """Whether the worker is there in this slot."""

    def over(self, slots: Slots, worker: int, slot: int) -> bool:
        """Whether the worker is away for ever from this slot on. If not, it must come back in some later slot."""
        return False

    def number(self, time: float) -> int:
        """The slot that contains a time, by the same rounded products as everywhere."""
        return number_of("delay.availability", time, self.slot)

    def outage(self, slots: Slots, worker: int, start: float, finish: float) -> tuple[float, float] | None:
        slot = self.number(start)
        while self.there(slots, worker, slot):
            slot += 1
            if slot * self.slot >= finish:
                return None
        down = slot * self.slot
        while not self.there(slots, worker, slot):
            if self.over(slots, worker, slot):
                return down, math.inf
            slot += 1
        return down, slot * self.slot
