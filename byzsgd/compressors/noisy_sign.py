from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.compressors import signs
from byzsgd.compressors.lossy import Random
from byzsgd.interfaces import Sending, Wire

LEAST = 2.0**-54  # in place of a uniform 0, whose quantile is −inf


@dataclass(frozen=True, kw_only=True)
class NoisySign(Random):
    """Sends the sign of a coordinate with noise: sign(v_j + ξ_j), sign(0) = +1.

    ξ_j = scale·Φ⁻¹(max(u_j, 2⁻⁵⁴)); with noise=uniform it is scale·(2u_j − 1), which is stochastic_sign with
    bound=scale and 1 − u for u. Bits: d.

    Chen, Chen, Sun, Wu, Hong: Distributed training with heterogeneous data: bridging median- and mean-based algorithms,
    NeurIPS 2020, arXiv 1906.01736.
    """

    scaled: ClassVar[bool] = False
    scale: float = 0.1
    noise: Literal["gaussian", "uniform"] = "gaussian"

    def __post_init__(self) -> None:
        require(0 <= self.scale < math.inf, "noisy_sign", "0 <= scale < inf", scale=self.scale)

    def drawn(self, vector: Tensor, uniforms: Tensor, sending: Sending) -> Wire:
        noise = torch.special.ndtri(uniforms.clamp_min(LEAST)) if self.noise == "gaussian" else 2 * uniforms - 1
        return signs.votes(signs.sign(vector + self.scale * noise, 1), self.nominal_bits(vector.numel()))

    def decode(self, wire: Wire) -> Tensor:
        return wire.symbols

    def nominal_bits(self, num_parameters: int) -> int:
        return num_parameters
