"""Rows so long or short that their squares or sums leave the range of their type, brought into it before a rule.

Powers of two change no digit, so a rule that commutes with a factor gives the same answer. Types of fewer than 32 bits
are computed in 32, extreme rows of 32 bits in 64. In 64 bits all rows are divided by one power of two, the size of the
largest row that a *bounded* rule may follow; a row more than 2^100 times as large counts as 2^100 times as large, in
its own direction: there the answer of a bounded rule no longer changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from byzsgd.aggregators.rows import read_vector

if TYPE_CHECKING:
    from byzsgd.aggregators.declaration import Declaration

# What a rule does with the size of a row: it squares it, it only adds and compares, or it looks at directions alone.
Use = Literal["squared", "added", "ignored"]

# Sizes between which a type needs no care.
SAFE: dict[Use, dict[torch.dtype, tuple[float, float]]] = {
    "squared": {torch.float32: (2.0**-50, 2.0**50), torch.float64: (2.0**-200, 2.0**100)},
    "added": {torch.float32: (2.0**-100, 2.0**100), torch.float64: (2.0**-960, 2.0**960)},
    "ignored": {torch.float32: (2.0**-50, 2.0**50), torch.float64: (2.0**-400, 2.0**400)},
}
SHIFT = 64  # exponent by which rows that are only added are moved away from the end of the range
LEAST = 2.0**-900
FAR = 100  # exponent of how many times as large as the others a row counts at most


def sizes_of(rows: Tensor) -> np.ndarray:
    """(k,) the largest magnitude of each row, in float64: NaN or infinite where an entry is."""
    if rows.device.type == "cpu" and rows.dtype in (torch.float32, torch.float64):
        array = rows.numpy()
        high, low = array.max(axis=1), array.min(axis=1)
    else:
        high, low = torch.stack((rows.amax(dim=1), rows.amin(dim=1))).double().cpu().numpy()
    sizes: np.ndarray = np.maximum(high, -low).astype(np.float64, copy=False)
    return sizes


def unremarkable(use: Use, rows: Tensor) -> bool:
    """Whether rows are finite and of sizes that need no care, by their norms: one pass, no mask. False: look closer."""
    if rows.dtype not in SAFE[use]:
        return False
    low, high = SAFE[use][rows.dtype]
    return all(low < norm < high for norm in torch.linalg.vector_norm(rows, dim=1).tolist())


def ldexp(values: Tensor, by: int | np.ndarray) -> Tensor:
    """values · 2^by, with one exponent or one for each row."""
    half = np.asarray(by) // 2
    for part in (half, np.asarray(by) - half):  # 2^by alone may be out of range
        factors = torch.as_tensor(np.ldexp(1.0, part), device=values.device).to(values.dtype)
        values = values * (factors[:, None] if factors.dim() else factors)
    return values


def safe(use: Use, dtype: torch.dtype, sizes: np.ndarray) -> bool:
    """Whether rows of these sizes need no care. A row of zeros never does."""
    low, high = SAFE[use][dtype]
    return bool(sizes.max() < high and (sizes.min() > low or ((sizes > low) | (sizes == 0)).all()))


def exponents(sizes: np.ndarray) -> np.ndarray:
    """(k,) the e with 2^(e-1) <= size < 2^e, and 0 for 0."""
    powers: np.ndarray = np.frexp(sizes)[1]
    return powers


def at_length(vector: Tensor, length: float) -> Tensor:
    """(d,) a finite vector that is not zero, brought to this length, also where its square leaves the range."""
    norm = float(torch.linalg.vector_norm(vector))
    if not 2.0**-50 < norm < np.inf:
        vector = ldexp(vector, -int(exponents(sizes_of(vector[None]))[0]))
        norm = float(torch.linalg.vector_norm(vector))
    return vector * (length / norm)


def comparable(rows: Tensor, sizes: np.ndarray, near: float) -> tuple[Tensor, int]:
    """Rows of which squares can be compared, and the e of the factor 2^e from them to the true ones.

    `near`: the size of the largest row that is not far from the others; 0: none is.
    """
    near = near or float(sizes.max())
    if near == 0 or safe("squared", rows.dtype, np.asarray([sizes.max(), near])):
        return rows, 0
    if rows.dtype != torch.float64:
        return rows.double(), 0
    exponent = int(exponents(np.asarray(near)))
    return ldexp(rows, -np.maximum(exponent, exponents(sizes) - FAR)), exponent


def apply_in_range(
    declaration: Declaration,
    function: Callable[..., Tensor],
    rows: Tensor,
    sizes: np.ndarray,
    weights: tuple[Tensor, ...],
    values: Mapping[str, object],
) -> Tensor:
    """What a rule says of finite rows of these sizes."""
    within, arguments, exponent = in_range(declaration, rows, sizes, weights, values)
    answer = function(within, *weights, **arguments)
    if within is rows:
        return answer
    if exponent:
        answer = ldexp(answer, exponent)
    if declaration.kind == "pre-aggregator" or "box" in declaration.laws:
        # Rounding must not carry a mean beyond the largest row, which may be the largest number that there is.
        answer = answer.clamp(-float(sizes.max()), float(sizes.max()))
    return answer.to(rows.dtype)


def in_range(
    declaration: Declaration, rows: Tensor, sizes: np.ndarray, weights: tuple[Tensor, ...], values: Mapping[str, object]
) -> tuple[Tensor, Mapping[str, object], int]:
    """Rows and parameters that the rule can compute with, and the e of the factor 2^e from its answer to the true one.

    The rows themselves where they need no care.
    """
    if rows.dtype not in (torch.float32, torch.float64):
        return in_range(declaration, rows.float(), sizes, weights, values)
    if safe(declaration.sizes, rows.dtype, sizes):
        return rows, values, 0
    arguments = {**declaration.parameters, **values}
    lengths = {name: arguments[name] for name in declaration.lengths if arguments[name] is not None}
    beside = max((_size(value) for value in lengths.values()), default=0.0)
    if declaration.sizes == "ignored":
        within, exponent = ldexp(rows, -exponents(sizes)), int(exponents(np.asarray(beside)))
    elif declaration.sizes == "squared":
        within, exponent = comparable(rows, sizes, max(reference(declaration, sizes, weights, values), beside))
    elif rows.dtype == torch.float32:
        within, exponent = rows.double(), 0
    else:
        exponent = SHIFT if sizes.max() > 1 else -SHIFT
        within = ldexp(rows, -exponent)
    return within, {**values, **_divide(lengths, exponent)} if exponent else values, exponent


def reference(
    declaration: Declaration, sizes: np.ndarray, weights: tuple[Tensor, ...], values: Mapping[str, Any]
) -> float:
    """The size of the largest row but for those that a bounded rule bears, whatever their size; else of the largest."""
    ascending = np.sort(sizes)
    if "bounded" not in declaration.laws:
        return float(ascending[-1])
    k = len(sizes)
    if not weights:
        return float(ascending[k - 1 - (values["f"] if declaration.takes_f else (k - 1) // 2)])
    shares = weights[0].double().cpu().numpy()[np.argsort(sizes, kind="stable")]
    least = 1 - values[declaration.tolerated] - 1e-9 if declaration.tolerated else 0.5
    return float(ascending[int((np.cumsum(shares) <= least * shares.sum()).sum())])


def _size(value: Any) -> float:
    """The largest magnitude of a parameter that is a length or a vector; 0 where it has no limit."""
    size = float(sizes_of(read_vector(value)[None])[0]) if np.ndim(value) else float(value)
    return size if np.isfinite(size) else 0.0


def _divide(lengths: Mapping[str, Any], exponent: int) -> dict[str, object]:
    with np.errstate(over="ignore"):
        return {
            # Not below LEAST, whose inverse can be added up: beside rows of about 1 it is as good as nothing.
            name: ldexp(read_vector(value), -exponent)
            if np.ndim(value)
            else max(LEAST, float(np.ldexp(value, -exponent)))
            for name, value in lengths.items()
        }
