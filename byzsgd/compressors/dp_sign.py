from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.compressors import signs
from byzsgd.compressors.lossy import Random
from byzsgd.interfaces import Sending, Wire


@dataclass(frozen=True, kw_only=True)
class DPSign(Random):
    """Sends the sign of a noisy coordinate: +1 iff u < Φ(v_j/σ), σ = Δ·√(2·ln(1.25/δ))/ε; else −1.

    That is sign(v_j + N(0, σ²)). It is (ε, δ)-differentially private in one coordinate and one round; composition over
    coordinates or rounds is not accounted for. The formula of σ is proved for ε < 1. `noise=laplace`: the noise is
    Laplace(Δ/ε), and δ has no effect. Δ is the sensitivity of v: in a run that of worker=private (`clip`, or
    clip/batch_size with reduce=mean); outside of a run `clip`. Bits: d.

    Jin, Huang, He, Dai, Wu: Stochastic-Sign SGD for federated learning with theoretical guarantees, 2020, arXiv
    2002.10940; the Gaussian mechanism: Dwork, Roth: The algorithmic foundations of differential privacy, 2014.
    """

    scaled: ClassVar[bool] = False
    epsilon: float = 1.0
    delta: float = 1e-5
    clip: float = 4.0
    noise: Literal["gaussian", "laplace"] = "gaussian"
    private: ClassVar[bool] = True  # it needs a worker rule with bounded sensitivity

    def __post_init__(self) -> None:
        require(0 < self.epsilon < math.inf, "dp_sign", "0 < epsilon < inf", epsilon=self.epsilon)
        require(0 < self.delta < 1, "dp_sign", "0 < delta < 1", delta=self.delta)
        require(0 < self.clip < math.inf, "dp_sign", "0 < clip < inf", clip=self.clip)

    @cached_property
    def scale(self) -> float:
        """The standard deviation of the Gaussian noise, or the scale of the Laplace noise."""
        ratio = self.clip / self.epsilon
        return ratio * math.sqrt(2 * math.log(1.25 / self.delta)) if self.noise == "gaussian" else ratio

    def drawn(self, vector: Tensor, uniforms: Tensor, sending: Sending) -> Wire:
        ratio = vector / self.scale
        if self.noise == "gaussian":
            plus = torch.special.ndtr(ratio)
        else:
            plus = 0.5 - 0.5 * ratio.sign() * torch.expm1(-ratio.abs())
        return signs.votes(signs.plus_or_minus(uniforms < plus, vector), self.nominal_bits(vector.numel()))

    def decode(self, wire: Wire) -> Tensor:
        return wire.symbols

    def nominal_bits(self, num_parameters: int) -> int:
        return num_parameters
