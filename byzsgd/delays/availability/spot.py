from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Draws, Slots

from .presence import Slotted


class PriceLaw(Protocol):
    """Any law of `delay`, whose seconds are read as a price per second."""

    def check_part(self, who: str, num_workers: int) -> None: ...

    def cdf(self, seconds: np.ndarray) -> np.ndarray: ...

    def seconds(self, draws: Draws, workers: range, serials: range) -> np.ndarray: ...


@dataclass(frozen=True, kw_only=True)
class Spot(Slotted):
    """Spot instances: a worker is there while the market's price is at most its bid, and pays that price.

    There is one market: every slot of `slot` seconds has one price, drawn from the law `price` (uniform and normal in
    the paper; markov for spells, trace for recorded prices). The workers below `first_bidders` bid `bid`, the others
    `second_bid` (both null: all bid `bid`).
    Zhang, Wang, Joshi, Joe-Wong: Machine Learning on Volatile Instances; INFOCOM 2020, arXiv 2003.05649.
    Differs: slots of seconds in place of iterations; a job that is cut off is lost.
    """

    price: PriceLaw
    bid: float
    second_bid: float | None
    first_bidders: int | None

    def __post_init__(self) -> None:
        self.check_slot("spot availability")
        together = (self.second_bid is None) == (self.first_bidders is None)
        got = {"second_bid": self.second_bid, "first_bidders": self.first_bidders}
        require(together, "spot availability", "second_bid and first_bidders together, or neither", **got)

    def check(self, num_workers: int) -> None:
        self.price.check_part("delay.availability.price", 1)
        if self.first_bidders is not None:
            valid = 0 <= self.first_bidders <= num_workers
            needs = f"0 <= first_bidders <= {num_workers}"
            require(valid, "spot availability", needs, first_bidders=self.first_bidders)
        for bid in {self.bid_of(0), self.bid_of(num_workers - 1)}:
            chance = float(self.price.cdf(np.array(bid)))
            require(chance > 0, "spot availability", "bids that the price reaches", bid=bid, price=self.price)
            self.check_chance("spot availability", chance, bid=bid, chance=chance)

    @property
    def priced(self) -> bool:
        return True

    def bid_of(self, worker: int) -> float:
        """The most that this worker pays for a second."""
        first = self.second_bid is None or self.first_bidders is None or worker < self.first_bidders
        return self.bid if first or self.second_bid is None else self.second_bid

    def slots(self, draws: Draws, workers: range, slots: range) -> np.ndarray:
        """The price of each slot, in the row of worker 0. The other rows are copies that nothing reads."""
        price = self.price.seconds(lambda serials: draws(serials)[:1], range(1), slots)
        return np.repeat(price, len(workers), axis=0)

    def there(self, slots: Slots, worker: int, slot: int) -> bool:
        return slots(0, slot) <= self.bid_of(worker)

    def over(self, slots: Slots, worker: int, slot: int) -> bool:
        return slots(0, slot) == math.inf  # the end of a trace of prices

    def cost(self, slots: Slots, worker: int, start: float, finish: float) -> float:
        spent = 0.0
        for slot in range(self.number(start), self.number(finish) + 1):
            if self.there(slots, worker, slot):
                overlap = min(finish, (slot + 1) * self.slot) - max(start, slot * self.slot)
                spent += slots(0, slot) * overlap
        return spent
