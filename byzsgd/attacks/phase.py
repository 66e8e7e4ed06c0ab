"""Honest first, to be believed."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from byzsgd.attacks.payload import Carrier
from byzsgd.checks import require
from byzsgd.interfaces import Attack, Message, View


@dataclass(frozen=True, kw_only=True)
class Phase(Carrier):
    """Honest until the server has made `until` updates, then the payload.

    The honest phase fills tables, windows and anchors with values that later cover the attack. A payload that poisons
    data is refused: data are poisoned from the start or not at all.
    """

    until: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.until >= 0, "phase", "until >= 0", until=self.until)
        poisons = type(self.carried).poison is not Attack.poison
        require(not poisons, "phase", "a payload that does not poison data", payload=type(self.carried).__name__)

    def forge(self, view: View) -> Tensor | Message:
        return view.own if view.step < self.until else super().forge(view)

    def duration(self, view: View, honest_seconds: float) -> float:
        return honest_seconds if view.step < self.until else super().duration(view, honest_seconds)

    def release(self, view: View) -> bool:
        return view.step < self.until or super().release(view)
