from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from byzsgd.compressors import signs
from byzsgd.compressors.lossy import Stateless
from byzsgd.interfaces import FLOAT_BITS, Sending, Wire


@dataclass(frozen=True, kw_only=True)
class ScaledSign(Stateless):
    """Sends signs and their mean size: C(v)_j = (‖v‖₁/d)·sign(v_j), sign(0) = `zero`.

    Bits: d + 32; 2d + 32 with zero=0. Contraction: ‖C(v) − v‖² = (1 − ‖v‖₁²/(d‖v‖²))·‖v‖² if no coordinate is 0.

    Karimireddy, Rebjock, Stich, Jaggi: Error feedback fixes signSGD and other gradient compression schemes, ICML 2019,
    arXiv 1901.09847 (with feedback=true: EF-signSGD).
    """

    zero: Literal[0, 1] = 1

    def wire(self, vector: Tensor, uniforms: Tensor | None, sending: Sending) -> Wire:
        scale = torch.linalg.vector_norm(vector, 1) / vector.numel()
        bits = self.nominal_bits(vector.numel())
        return Wire(signs.sign(vector, self.zero), scale, None, vector.numel(), bits)

    def decode(self, wire: Wire) -> Tensor:
        assert wire.scale is not None
        return wire.scale * wire.symbols

    def nominal_bits(self, num_parameters: int) -> int:
        return signs.sign_bits(num_parameters, self.zero) + FLOAT_BITS
