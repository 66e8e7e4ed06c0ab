from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from byzsgd.checks import require
from byzsgd.compressors.levels import largest_size, rounded
from byzsgd.compressors.lossy import Random
from byzsgd.interfaces import FLOAT_BITS, Sending, Wire


@dataclass(frozen=True, kw_only=True)
class TernGrad(Random):
    """Sends three values: m·sgn(v_j)·[u < |v_j|/m], m = ‖v‖∞ after clipping to clip·std(v) (null: no clipping).

    std has the divisor d. Bits: 32 + 2d. Without clip it is unbiased, and equal to qsgd with levels=1, norm=linf. The
    paper clips at 2.5.

    Wen, Xu, Yan, Wu, Wang, Chen, Li: TernGrad: ternary gradients to reduce communication in distributed deep learning,
    NeurIPS 2017, arXiv 1705.07878.
    """

    clip: float | None = None

    def __post_init__(self) -> None:
        require(self.clip is None or 0 < self.clip < math.inf, "terngrad", "0 < clip < inf, or null", clip=self.clip)

    def drawn(self, vector: Tensor, uniforms: Tensor, sending: Sending) -> Wire:
        if self.clip is not None:
            limit = self.clip * vector.std(correction=0)
            vector = vector.clamp(-limit, limit)
        largest = largest_size(vector)
        bits = self.nominal_bits(vector.numel())
        return Wire(rounded(vector, largest, 1, uniforms), largest, None, vector.numel(), bits)

    def decode(self, wire: Wire) -> Tensor:
        assert wire.scale is not None
        return wire.scale * wire.symbols

    def nominal_bits(self, num_parameters: int) -> int:
        return FLOAT_BITS + 2 * num_parameters
