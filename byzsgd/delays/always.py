from __future__ import annotations

from dataclasses import dataclass

from byzsgd.checks import require
from byzsgd.interfaces import Draw


@dataclass(frozen=True, kw_only=True)
class Always:
    """Every worker is there all the time, at `price` a second."""

    price: float

    def __post_init__(self) -> None:
        require(self.price >= 0, "always available", "price >= 0", price=self.price)

    def check(self, num_workers: int) -> None:
        """Any number of workers will do."""

    def outage(self, draw: Draw, worker: int, start: float, finish: float) -> tuple[float, float] | None:
        return None

    def cost(self, draw: Draw, worker: int, start: float, finish: float) -> float:
        return self.price * (finish - start)
