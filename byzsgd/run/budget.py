"""When a run ends."""

from __future__ import annotations

from dataclasses import dataclass, fields

from byzsgd.checks import require
from byzsgd.kernel.world import World


@dataclass(frozen=True, kw_only=True)
class Budget:
    """When a run ends: the first limit reached."""

    updates: int | None
    arrivals: int
    time: float | None  # virtual seconds

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            require(value is None or value > 0, f"budget.{item.name}", "a value > 0", **{item.name: value})

    def spent(self, world: World) -> bool:
        return (
            world.arrivals >= self.arrivals
            or (self.updates is not None and world.updates >= self.updates)
            or (self.time is not None and world.time >= self.time)
        )
