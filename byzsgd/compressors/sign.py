from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from byzsgd.compressors import signs
from byzsgd.compressors.lossy import Stateless
from byzsgd.interfaces import Sending, Wire


@dataclass(frozen=True, kw_only=True)
class Sign(Stateless):
    """Sends the sign of every coordinate: C(v)_j = sign(v_j), sign(0) = `zero`.

    Bits: d; with zero=0 there are three signs, and 2d bits.

    Bernstein, Wang, Azizzadenesheli, Anandkumar: signSGD: compressed optimisation for non-convex problems, ICML 2018,
    arXiv 1802.04434.
    """

    scaled: ClassVar[bool] = False
    zero: Literal[0, 1] = 1

    def wire(self, vector: Tensor, uniforms: Tensor | None, sending: Sending) -> Wire:
        return signs.votes(signs.sign(vector, self.zero), self.nominal_bits(vector.numel()))

    def decode(self, wire: Wire) -> Tensor:
        return wire.symbols

    def nominal_bits(self, num_parameters: int) -> int:
        return signs.sign_bits(num_parameters, self.zero)
