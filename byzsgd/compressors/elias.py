"""The length of Elias omega codes.

Elias: Universal codeword sets and representations of the integers, IEEE Transactions on Information Theory 21(2), 1975.
"""

from __future__ import annotations

import torch
from torch import Tensor


def omega_bits(numbers: Tensor) -> int:
    """The total bits of positive whole numbers. Each takes 1 bit; while n > 1, ⌊log2 n⌋ + 1 more, and n ← ⌊log2 n⌋."""
    left = numbers[numbers > 1].double()
    bits = numbers.numel()
    while left.numel():
        exponents = (torch.frexp(left).exponent - 1).double()
        bits += int(exponents.sum()) + left.numel()
        left = exponents[exponents > 1]
    return bits
