from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from byzsgd.checks import require
from byzsgd.compressors.elias import omega_bits
from byzsgd.compressors.levels import Norm, level_bits, rounded
from byzsgd.compressors.lossy import Random
from byzsgd.interfaces import FLOAT_BITS, Sending, Wire


@dataclass(frozen=True, kw_only=True)
class QSGD(Random):
    """Rounds every coordinate at random to one of s levels of the norm: ‖v‖·sgn(v_j)·(l + [u < a − l])/s.

    a = s|v_j|/‖v‖, l = ⌊a⌋, s = `levels`, for each `bucket` of coordinates separately (null: one bucket). Unbiased;
    variance (‖v‖²/s²)·Σ p(1 − p) ≤ min(d/s², √d/s)·‖v‖² (norm=l2), ≤ d‖v‖∞²/(4s²) (norm=linf).

    Bits of a bucket of m coordinates: 32 + m·(1 + ⌈log2(s + 1)⌉) with coding=fixed. `sparse`: 32; for every non-zero
    level the Elias omega code of its distance to the one before, a sign, and the code of its size. `dense`: 32; for
    every coordinate the code of its size + 1, and a sign if the level is not 0.

    Alistarh, Grubic, Li, Tomioka, Vojnovic: QSGD: communication-efficient SGD via gradient quantization and encoding,
    NeurIPS 2017, arXiv 1610.02132.
    """

    levels: int = 4
    bucket: int | None = None
    norm: Norm = "l2"
    coding: Literal["fixed", "sparse", "dense"] = "fixed"

    def __post_init__(self) -> None:
        require(self.levels >= 1, "qsgd", "levels >= 1", levels=self.levels)
        require(self.bucket is None or self.bucket >= 1, "qsgd", "bucket >= 1, or null", bucket=self.bucket)

    @property
    def fixed_length(self) -> bool:
        return self.coding == "fixed"

    def drawn(self, vector: Tensor, uniforms: Tensor, sending: Sending) -> Wire:
        d = vector.numel()
        rows, chances = self._rows(vector), self._rows(uniforms)
        if self.norm == "l2":
            norm = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
        else:
            norm = rows.abs().amax(1, keepdim=True)
        signed = rounded(rows, norm, self.levels, chances).view(-1)[:d]
        bits = self.nominal_bits(d) if self.coding == "fixed" else self._coded_bits(signed)
        return Wire(signed, norm.squeeze(1), None, d, bits)

    def decode(self, wire: Wire) -> Tensor:
        assert wire.scale is not None
        rows = self._rows(wire.symbols)
        return (wire.scale.unsqueeze(1) * rows).div_(self.levels).view(-1)[: wire.num_parameters]

    def nominal_bits(self, num_parameters: int) -> int:
        require(self.coding == "fixed", "qsgd", "coding=fixed where the length of a message must be known",
                coding=self.coding)  # fmt: skip
        return FLOAT_BITS * self._buckets(num_parameters) + num_parameters * level_bits(self.levels)

    def _buckets(self, num_parameters: int) -> int:
        return 1 if self.bucket is None else -(-num_parameters // self.bucket)

    def _rows(self, vector: Tensor) -> Tensor:
        """(buckets, size) the vector in buckets, the last one padded with zeros."""
        if self.bucket is None:
            return vector.unsqueeze(0)
        count = self._buckets(vector.numel())
        return nn.functional.pad(vector, (0, count * self.bucket - vector.numel())).view(count, self.bucket)

    def _coded_bits(self, signed: Tensor) -> int:
        bits = 0
        for level in torch.split(signed.abs(), self.bucket or signed.numel()):
            used = level.nonzero().squeeze(1)
            bits += FLOAT_BITS + used.numel()
            if self.coding == "dense":
                bits += omega_bits(level + 1)
            else:
                bits += omega_bits(used.diff(prepend=used.new_tensor([-1]))) + omega_bits(level[used])
        return bits
