from __future__ import annotations

from dataclasses import dataclass

from byzsgd.checks import require
from byzsgd.interfaces import Slots

from .presence import Presence, number_of


@dataclass(frozen=True, kw_only=True)
class Periodic(Presence):
    """Workers in `blocks` time zones: each is there for `share` of every `period` seconds, block by block.

    Worker i belongs to block i mod blocks, and its presence begins at block·period/blocks.
    After the periodic availability of FedLaAvg (Yan, Niu, Ding, Zheng, Wu, Chen, Tang, Wu: Distributed Non-Convex
    Optimization with Sublinear Speedup under Intermittent Client Availability; arXiv 2002.07399).
    """

    period: float
    blocks: int
    share: float

    def __post_init__(self) -> None:
        require(0 < self.period < float("inf"), "periodic availability", "0 < period < inf", period=self.period)
        require(self.blocks >= 1, "periodic availability", "blocks >= 1", blocks=self.blocks)
        require(0 < self.share < 1, "periodic availability", "0 < share < 1", share=self.share)

    @property
    def grain(self) -> float:
        return self.period * min(self.share, 1 - self.share)

    def outage(self, slots: Slots, worker: int, start: float, finish: float) -> tuple[float, float] | None:
        offset = (worker % self.blocks) * self.period / self.blocks
        day = number_of("periodic availability", start - offset, self.period)
        while offset + (day + 1) * self.period <= start:  # by rounding
            day += 1
        while offset + day * self.period > start:
            day -= 1
        down = offset + (day + self.share) * self.period
        if finish <= down and start < down:
            return None
        return down, offset + (day + 1) * self.period
