from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.interfaces import FLOAT_BITS, Sent
from byzsgd.schemes.exchanges.stacked import Stacked, Stateless, gossip_step


@dataclass(frozen=True, kw_only=True)
class Plain(Stateless, Stacked[None]):
    """Whole models: x_i ← x_i + Σ_j W_ij (x_j − x_i), 32·d bits an edge and direction."""

    memoryless: ClassVar[bool] = True

    def send(self, state: None, model: Tensor, uniforms: Tensor | None) -> Sent[None]:
        return Sent(model, self.nominal_bits(model.numel()), None)

    def nominal_bits(self, num_parameters: int) -> int:
        return FLOAT_BITS * num_parameters

    def mix_node(self, own: Tensor, sent: Tensor, received: Tensor, weights: Tensor) -> Tensor:
        return gossip_step(own, own, received, weights, 1.0)

    def pair(
        self, state: dict[int, None], own: Tensor, other: Tensor, uniforms: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        mean = (own + other) / 2
        return mean, mean
