from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.compressors.lossy import Stateless
from byzsgd.interfaces import FLOAT_BITS, Sending, Wire


@dataclass(frozen=True, kw_only=True)
class Uncompressed(Stateless):
    """Sends every vector unchanged, at 32 bits per coordinate: C(v) = v."""

    lossless: ClassVar[bool] = True

    def wire(self, vector: Tensor, uniforms: Tensor | None, sending: Sending) -> Wire:
        return Wire(vector, None, None, vector.numel(), self.nominal_bits(vector.numel()))

    def decode(self, wire: Wire) -> Tensor:
        return wire.symbols.clone()

    def nominal_bits(self, num_parameters: int) -> int:
        return FLOAT_BITS * num_parameters
