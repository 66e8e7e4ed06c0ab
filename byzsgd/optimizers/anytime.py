from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.checks import require


@dataclass
class AnytimeState:
    """The iterate that steps are taken from; the model itself is the query point."""

    iterate: Tensor
    weight: float = 0.0  # Σ α


@dataclass(frozen=True, kw_only=True)
class Anytime:
    """SGD whose workers read a running average of the iterates (the query point), not the newest iterate.

    w ← w − lr(t)·α_t·d;  x ← x + share·(w − x). Theory: α_t = t, t = 1, 2, …, and share = α_t/Σα (`share=null`).
    Practice of μ²-SGD: α_t = 1 and a constant `share`.

    Cutkosky: Anytime online-to-batch, optimism and acceleration, ICML 2019, arXiv 1903.00974; in μ²-SGD: Dahan, Levy,
    NeurIPS 2024, arXiv 2501.09621.
    """

    lr: float
    share: float | None
    schedule: Callable[[float, int], float]

    own_iterate: ClassVar[bool] = True  # it steps from an iterate of its own, whatever the model was set to

    def __post_init__(self) -> None:
        require(0 <= self.lr < math.inf, "anytime", "0 <= lr < inf", lr=self.lr)
        require(self.share is None or 0 < self.share <= 1, "anytime", "0 < share <= 1, or null", share=self.share)
        self.schedule(self.lr, 0)  # its settings are checked before any work

    def init(self, params: Tensor) -> AnytimeState:
        return AnytimeState(params.clone())

    def apply(self, state: AnytimeState, params: Tensor, direction: Tensor, step: int) -> None:
        weight = step + 1.0 if self.share is None else 1.0
        state.weight += weight
        state.iterate = state.iterate.sub(direction, alpha=self.schedule(self.lr, step) * weight)
        share = weight / state.weight if self.share is None else self.share
        params.add_(state.iterate - params, alpha=share)
