from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.compressors import signs
from byzsgd.compressors.levels import largest_size
from byzsgd.compressors.lossy import Random
from byzsgd.interfaces import FLOAT_BITS, Sending, Wire

LEAST = 1e-20  # lower bound of b_j with bound=max, as in the authors' code


@dataclass(frozen=True, kw_only=True)
class StochasticSign(Random):
    """Sends a random sign whose mean is the coordinate over a bound: +1 iff u < ½ + v_j/(2b_j), else −1.

    E C(v)_j = clip(v_j/b_j, −1, 1). `bound`: a number is b_j for all j; `own`: b_j = ‖v‖∞, which is sent too; `max`:
    b_j is the largest |g_j| of the n workers of a round, before any attack, which needs collector=round. b = 0 gives
    the plain sign, and a random sign where v_j = 0.

    Bits: d; d + 32 with bound=own. The exchange of the largest |g_j| (32·d bits from each worker) is not counted.

    Jin, Huang, He, Dai, Wu: Stochastic-Sign SGD for federated learning with theoretical guarantees, 2020, arXiv
    2002.10940 (bound=max is their code's).
    """

    scaled: ClassVar[bool] = False
    bound: Literal["max", "own"] | float = "own"

    def __post_init__(self) -> None:
        fit = isinstance(self.bound, str) or 0 <= self.bound < math.inf
        require(fit, "stochastic_sign", "bound max, own or 0 <= bound < inf", bound=self.bound)

    @property
    def needs_round(self) -> bool:
        return self.bound == "max"

    def drawn(self, vector: Tensor, uniforms: Tensor, sending: Sending) -> Wire:
        if self.bound == "max":
            require(
                sending.max_abs is not None, "stochastic_sign with bound=max", "the vectors of a round", max_abs=None
            )
            assert sending.max_abs is not None
            bound = sending.max_abs.clamp_min(LEAST)
        else:
            least = torch.finfo(vector.dtype).tiny
            own = largest_size(vector) if self.bound == "own" else vector.new_tensor(self.bound)
            bound = own.clamp_min(least)
        plus = uniforms < (vector / (2 * bound)).add_(0.5)
        return signs.votes(signs.plus_or_minus(plus, vector), self.nominal_bits(vector.numel()))

    def decode(self, wire: Wire) -> Tensor:
        return wire.symbols

    def nominal_bits(self, num_parameters: int) -> int:
        return num_parameters + (FLOAT_BITS if self.bound == "own" else 0)
