from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import comb

from byzsgd.checks import require
from byzsgd.interfaces import Slots

from .presence import SLOTS, Slotted


@dataclass(frozen=True, kw_only=True)
class Preemptible(Slotted):
    """Cheap instances that the provider takes away: in every slot each is away with `probability`; `price` a second.

    In slot j, n₀·growth^j workers are rented (rounded up, at most n), with n₀ = `initial` (null: all n from the start).
    Of n rented ones y ~ Bin(n, 1 − probability) are there.
    Zhang, Wang, Joshi, Joe-Wong: Machine Learning on Volatile Instances; INFOCOM 2020, arXiv 2003.05649.
    Differs: slots of seconds in place of iterations; a job that is cut off is lost.
    """

    probability: float
    price: float
    initial: int | None
    growth: float

    def __post_init__(self) -> None:
        who = "preemptible availability"
        self.check_slot(who)
        require(0 <= self.probability < 1, who, "0 <= probability < 1", probability=self.probability)
        self.check_chance(who, 1 - self.probability, probability=self.probability)
        require(0 <= self.price < float("inf"), who, "0 <= price < inf", price=self.price)
        require(self.initial is None or self.initial >= 1, who, "initial >= 1, or null", initial=self.initial)
        require(1 <= self.growth < float("inf"), who, "1 <= growth < inf", growth=self.growth)

    def check(self, num_workers: int) -> None:
        last = self.rented_from(num_workers - 1)
        require(self.growth == 1 or last <= SLOTS, "preemptible availability", f"a growth to n within {SLOTS} slots",
                growth=self.growth, initial=self.initial, num_workers=num_workers)  # fmt: skip

    @property
    def rate(self) -> float:
        return self.price

    @cached_property
    def rented_from(self) -> Callable[[int], float]:
        """worker -> the first slot in which it is rented; inf: never, or after more than SLOTS slots."""
        return functools.cache(self._first_slot)

    def _first_slot(self, worker: int) -> float:
        """The least j with worker < initial·growth^j."""
        if self.initial is None or worker < self.initial:
            return 0
        count, slot = float(self.initial), 0
        while count <= worker:
            if slot > SLOTS or self.growth == 1:
                return math.inf
            count, slot = count * self.growth, slot + 1
        return slot

    def rented(self, worker: int, slot: int) -> bool:
        """Whether this worker is rented in a slot. It is paid for only while the provider leaves it there."""
        return slot >= self.rented_from(worker)

    def there(self, slots: Slots, worker: int, slot: int) -> bool:
        return self.rented(worker, slot) and slots(worker, slot) >= self.probability

    def over(self, slots: Slots, worker: int, slot: int) -> bool:
        return self.growth == 1 and not self.rented(worker, slot)

    def mean_inverse(self, num_workers: int) -> float:
        """E[1/y | y >= 1] for y ~ Bin(n, 1 − probability), on which the error of a mini-batch step depends. It is at
        least 1/E[y | y >= 1] (Jensen)."""
        q, n = self.probability, num_workers
        terms = (comb(n, y) * (1 - q) ** y * q ** (n - y) / y for y in range(1, n + 1))
        return sum(terms) / (1 - q**n)
