from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from byzsgd.compressors.lossy import Random
from byzsgd.compressors.selection import Selection, index_bits, largest
from byzsgd.interfaces import FLOAT_BITS, Sending, Wire


@dataclass(frozen=True, kw_only=True)
class RandomK(Selection, Random):
    """Sends k random coordinates, those of the k smallest u; times d/k if `unbiased`. The others arrive as 0.

    `k` is a setting, or k = max(1, ⌊share·d⌋). Bits: 32k if sender and receiver draw the indices together (`shared`),
    else k·(32 + ⌈log2 d⌉). E‖C(v) − v‖² = (1 − k/d)·‖v‖², or (d/k − 1)·‖v‖² if unbiased.

    Wangni, Wang, Liu, Zhang: Gradient sparsification for communication-efficient distributed optimization, NeurIPS
    2018, arXiv 1710.09854; Stich, Cordonnier, Jaggi: Sparsified SGD with memory, NeurIPS 2018, arXiv 1809.07599.
    """

    unbiased: bool = False
    shared: bool = True

    def drawn(self, vector: Tensor, uniforms: Tensor, sending: Sending) -> Wire:
        d = vector.numel()
        k = self.count(d)
        indices = largest(-uniforms, k)
        values = vector.index_select(0, indices)
        return Wire(values * (d / k) if self.unbiased else values, None, indices, d, self.nominal_bits(d))

    def nominal_bits(self, num_parameters: int) -> int:
        return self.count(num_parameters) * (FLOAT_BITS + (0 if self.shared else index_bits(num_parameters)))
