from __future__ import annotations

from dataclasses import dataclass

from byzsgd.checks import require
from byzsgd.interfaces import Slots

from .presence import Slotted


@dataclass(frozen=True, kw_only=True)
class Bernoulli(Slotted):
    """In every slot of `slot` seconds each worker is there with `probability`, independently.

    The participation model of MIFA (Gu, Huang, Zhang, Huang; NeurIPS 2021, arXiv 2106.04159), in seconds.
    """

    probability: float

    def __post_init__(self) -> None:
        self.check_slot("bernoulli availability")
        valid = 0 < self.probability <= 1
        require(valid, "bernoulli availability", "0 < probability <= 1", probability=self.probability)
        self.check_chance("bernoulli availability", self.probability, probability=self.probability)

    def there(self, slots: Slots, worker: int, slot: int) -> bool:
        return slots(worker, slot) < self.probability
