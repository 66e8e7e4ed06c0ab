from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from byzsgd.checks import require
from byzsgd.compressors.levels import largest_size, rounded
from byzsgd.compressors.lossy import Random
from byzsgd.interfaces import FLOAT_BITS, Sending, Wire


def quantised(vector: Tensor, uniforms: Tensor, bits: int, header: int) -> Wire:
    """The message of a vector with `bits` bits per coordinate (with the sign), and `header` bits beside the norm."""
    norm = largest_size(vector)
    signed = rounded(vector, norm, levels_of(bits), uniforms)
    return Wire(signed, norm, None, vector.numel(), FLOAT_BITS + header + bits * vector.numel())


def restored(wire: Wire, bits: int) -> Tensor:
    """(d,) the vector of a message: ‖v‖∞·level/s."""
    assert wire.scale is not None
    return (wire.scale * wire.symbols).div_(levels_of(bits))


def levels_of(bits: int) -> int:
    """s = 2^(bits − 1) − 1, the number of non-zero sizes of a level."""
    return int(2 ** (bits - 1) - 1)


@dataclass(frozen=True, kw_only=True)
class Uniform(Random):
    """Rounds at random to evenly spaced levels up to the largest coordinate: qsgd with norm=linf, s = 2^(bits−1) − 1.

    Bits: 32 + d·bits, the sign included. Unbiased; variance ≤ d‖v‖∞²/(4s²).

    Alistarh, Grubic, Li, Tomioka, Vojnovic: QSGD: communication-efficient SGD via gradient quantization and encoding,
    NeurIPS 2017, arXiv 1610.02132.
    """

    bits: int = 4

    def __post_init__(self) -> None:
        require(2 <= self.bits <= 32, "uniform", "2 <= bits <= 32", bits=self.bits)

    def drawn(self, vector: Tensor, uniforms: Tensor, sending: Sending) -> Wire:
        return quantised(vector, uniforms, self.bits, 0)

    def decode(self, wire: Wire) -> Tensor:
        return restored(wire, self.bits)

    def nominal_bits(self, num_parameters: int) -> int:
        return FLOAT_BITS + self.bits * num_parameters
