"""Functions of the compressors by sign."""

from __future__ import annotations

from torch import Tensor

from byzsgd.interfaces import Wire


def plus_or_minus(positive: Tensor, like: Tensor) -> Tensor:
    """(d,) booleans -> +1 where true, −1 elsewhere, of the type of `like`."""
    return positive.to(like.dtype).mul_(2).sub_(1)


def sign(vector: Tensor, zero: int) -> Tensor:
    """The sign of every coordinate; sign(0) = `zero` (1 or 0)."""
    return plus_or_minus(vector >= 0, vector) if zero else vector.sign()


def sign_bits(num_parameters: int, zero: int) -> int:
    """The bits of d signs: one bit each for two signs, two bits each for three."""
    return num_parameters if zero else 2 * num_parameters


def votes(symbols: Tensor, bits: int) -> Wire:
    """The message of signs without a scale."""
    return Wire(symbols, None, None, symbols.numel(), bits)
