"""Honest once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import AdversaryContext, Attack, Knowledge, View
from byzsgd.interfaces.compiled import compiled_as
from byzsgd.interfaces.values import derived


@dataclass
class Recording:
    """Vectors by the server step at which they were seen, oldest first: those still needed."""

    taken: tuple[tuple[int, Tensor], ...] = ()


@compiled_as("view")
@dataclass(frozen=True, kw_only=True)
class Replay(Attack[Recording]):
    """Sends a true vector that is out of date: the newest recorded at least `lag` server updates ago.

    `source` honest: the visible vector of an honest worker drawn at random when it was recorded; own: a liar's own. One
    vector is recorded whenever a liar sends. Until the recording goes back far enough the own vector is sent.
    """

    lag: int = 100
    source: Literal["honest", "own"] = "honest"

    def __post_init__(self) -> None:
        require(self.lag >= 1, "replay", "lag >= 1", lag=self.lag)
        require(self.source in ("honest", "own"), "replay", "source honest or own", source=self.source)

    @derived
    def sees(self) -> Knowledge:
        return "delivered" if self.source == "honest" else "own"

    def init(self, context: AdversaryContext) -> Recording:
        return Recording()

    def forge(self, view: View[Recording]) -> Tensor:
        recording = view.memory
        old = [place for place, (step, _) in enumerate(recording.taken) if step <= view.step - self.lag]
        kept = recording.taken[old[-1] :] if old else recording.taken
        sent = kept[0][1] if old else view.own
        recording.taken = (*kept, (view.step, self._seen(view)))
        return sent

    def _seen(self, view: View) -> Tensor:
        count = view.honest.shape[0]
        if self.source == "own" or not count:
            return view.own
        return view.honest[int(view.rng.integers(count))].clone()
