"""What every rule does before its formula: read its rows, drop the non-finite ones, answer in kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require

Rows = Tensor | np.ndarray | Sequence[Tensor] | Sequence[np.ndarray]


class NonFiniteRows(ValueError):
    """More rows are NaN or infinite than the rule tolerates."""


def read_rows(who: str, vectors: Rows) -> tuple[Tensor, bool]:
    """(k, d) tensor of the rows, and whether they came as NumPy arrays."""
    if isinstance(vectors, Tensor):
        rows, arrays = vectors, False
    else:
        rows, arrays = _stack(who, vectors)
    if rows.dim() != 2 or 0 in rows.shape:
        require(False, who, "a (k, d) tensor or k vectors of length d, k and d at least 1", shape=tuple(rows.shape))
    if not rows.dtype.is_floating_point:
        require(False, who, "rows of a floating-point type", dtype=rows.dtype)
    return (rows.detach() if rows.requires_grad else rows), arrays


def _stack(who: str, vectors: np.ndarray | Sequence[Tensor] | Sequence[np.ndarray]) -> tuple[Tensor, bool]:
    if isinstance(vectors, np.ndarray):
        return read_vector(vectors), True
    parts: list[Tensor | np.ndarray] = [*vectors]
    vectors_only = all(isinstance(part, Tensor | np.ndarray) for part in parts)
    require(bool(parts) and vectors_only, who, "a (k, d) tensor, or tensors or arrays of length d", rows=len(parts))
    first = parts[0]
    alike = all(part.shape == first.shape and part.dtype == first.dtype for part in parts)
    if not alike or len(first.shape) != 1:
        shapes = sorted({f"{tuple(part.shape)} {part.dtype}" for part in parts})
        require(False, who, "vectors of one length and one type", vectors=" and ".join(shapes))
    return torch.stack([read_vector(part) for part in parts]), isinstance(first, np.ndarray)


def beside_raw(vectors: Iterable[Tensor], raws: Iterable[Tensor]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Rows, and the same before damping; one tuple twice where nothing was damped, so that they are stacked once."""
    rows, before = tuple(vectors), tuple(raws)
    return rows, rows if all(a is b for a, b in zip(rows, before, strict=True)) else before


def read_vector(values: object) -> Tensor:
    """A tensor of what may be a NumPy array or plain numbers; shares memory where it can, which nobody writes to."""
    if isinstance(values, Tensor):
        return values.detach()
    array = np.asarray(values)
    # torch can wrap neither negative strides nor read-only memory without a warning.
    usable = array.flags.writeable and all(stride >= 0 for stride in array.strides)
    return torch.from_numpy(array if usable else array.copy())


def all_finite(rows: Tensor) -> bool:
    """Whether no entry is NaN or infinite, in one pass and without a mask of the same size."""
    # NaN and ±inf survive every sum. A finite sum that overflows is a false alarm, settled by the mask.
    return math.isfinite(rows.sum().item()) or bool(torch.isfinite(rows).all())


def length(vector: Tensor) -> float:
    """‖v‖ of a finite vector, also where its square overflows."""
    norm = float(torch.linalg.vector_norm(vector))
    if not math.isinf(norm):
        return norm
    largest = vector.abs().max()
    return float(largest.double() * torch.linalg.vector_norm(vector / largest).double())


def finite_mask(rows: Tensor) -> Tensor:
    """(k,) whether each row is finite."""
    return torch.stack([torch.isfinite(row).all() for row in rows])


def read_weights(who: str, weights: object, rows: Tensor) -> Tensor:
    """(k,) weights as a tensor beside the rows, of 32 bits at least: finite, not negative, not all zero."""
    tensor = read_vector(weights).to(device=rows.device, dtype=torch.promote_types(rows.dtype, torch.float32))
    require(tensor.shape == rows.shape[:1], who, "one weight per row", weights=tuple(tensor.shape), k=rows.shape[0])
    total = tensor.sum().item()
    fit = math.isfinite(total) and total > 0 and bool((tensor >= 0).all())
    require(fit, who, "finite weights >= 0 that are not all 0", weights=tensor.tolist() if len(tensor) <= 20 else total)
    return tensor


def read_beside(who: str, name: str, values: object, rows: Tensor) -> Tensor:
    """(d,) a vector that a rule is given beside its rows: of their length, finite."""
    vector = read_vector(values).to(device=rows.device, dtype=rows.dtype)
    require(vector.shape == rows.shape[1:], who, f"{name} of length d", shape=tuple(vector.shape), d=rows.shape[1])
    if not all_finite(vector):
        raise NonFiniteRows(
            f"{who} needs a finite {name}; got {int((~torch.isfinite(vector)).sum())} non-finite entries"
        )
    return vector


@dataclass(frozen=True)
class Undeclared:
    """A plain callable as a rule or pre-aggregator: what it answers is held against its rows."""

    function: Callable[[Tensor], object]
    __name__: str

    def __call__(self, rows: Tensor) -> Tensor:
        answer = self.function(rows)
        length = rows.shape[1]
        fits = isinstance(answer, Tensor | np.ndarray) and answer.ndim >= 1 and answer.shape[-1] == length
        got = tuple(answer.shape) if hasattr(answer, "shape") else type(answer).__name__
        require(fits, self.__name__, "to return a tensor or array with the length of its rows", d=length, answer=got)
        return read_vector(answer).to(rows)
