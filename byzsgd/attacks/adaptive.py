"""Whatever works: a search through the server's own preview."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from byzsgd.attacks.deviation import mean_and_std
from byzsgd.attacks.line_search import line_search
from byzsgd.attacks.outlook import Conspiracy, away, outlook, uphill
from byzsgd.attacks.plane_search import plane_search
from byzsgd.checks import require
from byzsgd.interfaces import AdversaryContext, Attack, View

OBJECTIVES = {"uphill": uphill, "away": away}


@dataclass
class Tried(Conspiracy):
    """The liars, and what each of them sent last."""

    sent: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Adaptive(Attack[Tried]):
    """Searches direction × magnitude for the vector that does this server most harm, now.

    Four lines (d,) are searched, with evals/4 previews each: −γ·mean; mean − γ·std; mean − γ·sign(mean)·‖mean‖/√d; and
    the liar's last vector − γ·mean, which stays close to what a filter has already let through. Then the plane
    mean − γ·mean − z·std is, with `plane` previews, from the best point of the two lines that lie in it: a rule that
    selects whole rows has cliffs that no line meets. The best of them all is sent; where the server refuses everything,
    the last vector again. Harm is −⟨direction, mean⟩ (`objective` uphill) or
    ‖direction − mean‖² (away), mean over the visible honest vectors, the direction being that of the server once the
    other workers have followed as far as a step needs. With fewer than two visible honest vectors it sends its own.

    After the attacks that Fang, Cao, Jia, Gong (USENIX Security 2020, arXiv 1911.11815) and Shejwalkar, Houmansadr
    (NDSS 2021) tailor to a known rule, for a server that can be asked.
    """

    evals: int = 24
    plane: int = 24
    objective: Literal["uphill", "away"] = "uphill"

    sees = "delivered"
    previews = True

    def __post_init__(self) -> None:
        require(self.evals >= 4, "adaptive", "evals >= 4", evals=self.evals)
        require(self.plane >= 0, "adaptive", "plane >= 0", plane=self.plane)
        known = tuple(OBJECTIVES)
        require(self.objective in known, "adaptive", "objective uphill or away", objective=self.objective)

    def init(self, context: AdversaryContext) -> Tried:
        return Tried(context)

    def forge(self, view: View[Tried]) -> Tensor:
        if view.honest.shape[0] < 2:
            return view.own
        memory = view.memory
        vector = self._search(view, memory.sent.get(view.worker, view.own))
        memory.sent = {**memory.sent, view.worker: vector}
        return vector

    def _search(self, view: View, last: Tensor) -> Tensor:
        mean, std = mean_and_std(view.honest)
        direction, harm = outlook(view), OBJECTIVES[self.objective]
        best, most = last, -float("inf")
        found = []
        for base, push, start in _lines(mean, std, last):

            def harm_at(size: float, base: Tensor = base, push: Tensor = push) -> float:
                return harm(direction(base + size * push), mean)

            size, value = line_search(harm_at, start, self.evals // 4)
            found.append((value, size))
            if value > most:
                best, most = base + size * push, value
        if self.plane:

            def harm_on(gamma: float, z: float) -> float:
                return harm(direction(mean - gamma * mean - z * std), mean)

            (back, size), (aside, z) = found[:2]  # −size·mean is 1 + size in the plane
            known = (back, (1 + size, 0.0)) if back >= aside else (aside, (0.0, z))
            (gamma, z), value = plane_search(harm_on, known[1], known[0], self.plane)
            if value > most:
                best = mean - gamma * mean - z * std
        return best


def _lines(mean: Tensor, std: Tensor, last: Tensor) -> Iterator[tuple[Tensor, Tensor, float]]:
    """(base, push, first magnitude) of each line."""
    yield torch.zeros_like(mean), -mean, 1.0
    yield mean, -std, 1.5
    yield mean, mean.sign() * -(torch.linalg.vector_norm(mean) / mean.numel() ** 0.5), 1.0
    yield last, -mean, 0.1
