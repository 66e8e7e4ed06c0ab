from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.interfaces import Sent
from byzsgd.schemes.exchanges.stacked import Damped


@dataclass(frozen=True)
class DeepSqueeze(Damped):
    """Models with what was lost before: v_i = x_i + e_i, e_i ← v_i − C(v_i), x_i ← x_i + γ·Σ_j W_ij (C(v_j) − C(v_i)).

    e starts at 0. Tang, Lian, Qiu, Yuan, Zhang, Zhang, Liu: DeepSqueeze: decentralization meets error-compensated
    compression (2019, arXiv 1907.07346).
    """

    who: ClassVar[str] = "the exchange deep_squeeze"

    def send(self, state: Tensor, model: Tensor, uniforms: Tensor | None) -> Sent[Tensor]:
        whole = model + state
        public, bits = self.squeeze(whole, uniforms)
        return Sent(public, bits, whole - public)
