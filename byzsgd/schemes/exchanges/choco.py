"""The exchange `choco`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Sent
from byzsgd.schemes.exchanges.stacked import Squeezing, moved


@dataclass(frozen=True)
class Choco(Squeezing):
    """Compressed differences to a public copy: x̂_i ← x̂_i + C(x_i − x̂_i), x_i ← x_i + γ·Σ_j W_ij (x̂_j − x̂_i).

    x̂ starts at 0 and every neighbour keeps it; they are equal, so it is held once for each node. Theory's γ is far too
    small to be of use (3.5e-4 on a ring of 8 with the top 2 of 20): tune it.

    Koloskova, Stich, Jaggi: Decentralized stochastic optimization and gossip algorithms with compressed communication
    (ICML 2019, arXiv 1902.00340).
    """

    gamma: float = 1.0

    who: ClassVar[str] = "the exchange choco"
    steps_first: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.gamma <= 1, self.who, "0 < gamma <= 1", gamma=self.gamma)

    def init(self, models: Tensor) -> dict[int, Any]:
        return {node: torch.zeros_like(model) for node, model in enumerate(models)}

    def send(self, state: Tensor, model: Tensor, uniforms: Tensor | None) -> Sent:
        difference, bits = self.squeezed(model - state, uniforms)
        public = state + difference
        return Sent(public, bits, public)

    def mix_node(self, own: Tensor, sent: Tensor, received: Tensor, weights: Tensor) -> Tensor:
        return moved(own, sent, received, weights, self.gamma)
