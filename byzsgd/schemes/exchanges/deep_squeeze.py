"""The exchange `deep_squeeze`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Sent
from byzsgd.schemes.exchanges.stacked import Squeezing, moved


@dataclass(frozen=True)
class DeepSqueeze(Squeezing):
    """Models with what was lost before: v_i = x_i + e_i, e_i ← v_i − C(v_i), x_i ← x_i + γ·Σ_j W_ij (C(v_j) − C(v_i)).

    e starts at 0. Tang, Lian, Qiu, Yuan, Zhang, Zhang, Liu: DeepSqueeze: decentralization meets error-compensated
    compression (2019, arXiv 1907.07346).
    """

    gamma: float = 1.0

    who: ClassVar[str] = "the exchange deep_squeeze"
    steps_first: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.gamma <= 1, self.who, "0 < gamma <= 1", gamma=self.gamma)

    def init(self, models: Tensor) -> dict[int, Any]:
        return {node: torch.zeros_like(model) for node, model in enumerate(models)}

    def send(self, state: Tensor, model: Tensor, uniforms: Tensor | None) -> Sent:
        whole = model + state
        arrived, bits = self.squeezed(whole, uniforms)
        return Sent(arrived, bits, whole - arrived)

    def mix_node(self, own: Tensor, sent: Tensor, received: Tensor, weights: Tensor) -> Tensor:
        return moved(own, sent, received, weights, self.gamma)
