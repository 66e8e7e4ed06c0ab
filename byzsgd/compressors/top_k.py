from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from byzsgd.compressors.selection import Selection, index_bits, largest
from byzsgd.interfaces import FLOAT_BITS, Sending, Wire


@dataclass(frozen=True, kw_only=True)
class TopK(Selection):
    """Sends the k coordinates of largest size, ties to the lower index; the others arrive as 0.

    `k` is a setting, or k = max(1, ⌊share·d⌋). Bits: k·(32 + ⌈log2 d⌉). Contraction: ‖C(v) − v‖² ≤ (1 − k/d)·‖v‖².

    Aji, Heafield: Sparse communication for distributed gradient descent, EMNLP 2017, arXiv 1704.05021; with feedback
    Stich, Cordonnier, Jaggi: Sparsified SGD with memory, NeurIPS 2018, arXiv 1809.07599.
    """

    def wire(self, vector: Tensor, uniforms: Tensor | None, sending: Sending) -> Wire:
        d = vector.numel()
        indices = largest(vector.abs(), self.count(d))
        return Wire(vector.index_select(0, indices), None, indices, d, self.nominal_bits(d))

    def nominal_bits(self, num_parameters: int) -> int:
        return self.count(num_parameters) * (FLOAT_BITS + index_bits(num_parameters))
