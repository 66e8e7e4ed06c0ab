from __future__ import annotations

from dataclasses import dataclass

from byzsgd.checks import require

from .two_point import TwoPoint


@dataclass(frozen=True, kw_only=True)
class TwoSpeed(TwoPoint):
    """Every job takes `slow` seconds with probability `probability`, else `fast` seconds, independently.

    Workers that are slow for ever are `delay/heterogeneity=stragglers`; slow spells are `delay=markov`.
    """

    probability: float

    def __post_init__(self) -> None:
        self.check_points("two_speed delay")
        require(0 <= self.probability <= 1, "two_speed delay", "0 <= probability <= 1", probability=self.probability)

    @property
    def share_slow(self) -> float:
        return self.probability
