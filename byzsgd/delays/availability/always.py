from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from byzsgd.checks import require
from byzsgd.interfaces import Slots
from byzsgd.interfaces.compiled import compiled_as

from .presence import Presence


@compiled_as("always")
@dataclass(frozen=True, kw_only=True)
class Always(Presence):
    """Every worker is there all the time, at `price` a second (an instance on demand)."""

    interrupts: ClassVar[bool] = False  # no job is cut off; with all other laws one may be

    price: float

    def __post_init__(self) -> None:
        require(0 <= self.price < float("inf"), "always available", "0 <= price < inf", price=self.price)

    @property
    def rate(self) -> float:
        return self.price

    def outage(self, slots: Slots, worker: int, start: float, finish: float) -> tuple[float, float] | None:
        return None
