"""Exactly as often as a frequency filter allows."""

from __future__ import annotations

from dataclasses import dataclass

from byzsgd.attacks.payload import Carrier
from byzsgd.checks import require
from byzsgd.interfaces import View


@dataclass(frozen=True, kw_only=True)
class FrequencySquat(Carrier):
    """The payload, delivered the moment that the frequency filter would let the liar through again.

    Jobs take `pace` times their honest duration, so that a message is always ready; it is held back while the server's
    preview refuses the own vector for its frequency. So every liar spends its quota to the last vector: f of every
    2f+1 accepted ones, against m of n for liars who only work. A server without such a filter is simply flooded.

    Against the frequency filter of Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki: Asynchronous Byzantine machine
    learning (ICML 2018, arXiv 1802.07928).
    """

    pace: float = 0.1

    timed = True
    previews = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.pace <= 1, "frequency_squat", "0 < pace <= 1", pace=self.pace)

    def duration(self, view: View, honest_seconds: float) -> float:
        return self.pace * super().duration(view, honest_seconds)

    def release(self, view: View) -> bool:
        return view.aggregator.preview(view.state, [view.arrival(view.own)]).reason != "frequency"
