"""Inner products of rows about a centre: n·n numbers on which distances and iterations run, whatever d is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce

import numpy as np
import torch
from torch import Tensor

COLUMNS = 8192
GROUP = 16
COMBINED_COLUMNS = 4096
SAMPLED_RUNS = 32
SAMPLED_RUN = 16

# How many times as large as its squared distance to most others the squared norm of a row may be.
FAR = 4.0

# What a centred inner product or its square may be wrong by, relative to the two squared norms it is made of: measured
# on blocks of 8192 columns with a common part (8e-7 and 8e-15), with room.
ROUNDING = {torch.float32: 2e-6, torch.float64: 3e-14}


def rounding(dtype: torch.dtype) -> float:
    return ROUNDING.get(dtype, ROUNDING[torch.float32])


def anchor(vectors: Tensor) -> int:
    """The number of a row in the middle of most rows.

    Judged by a sample of columns: only speed and the last digits depend on it, since what is far from the centre is
    measured again from nearer.
    """
    sample = _sample_columns(vectors.shape[1])
    columns = vectors if sample is None else vectors.index_select(1, sample.to(vectors.device))
    values = columns.double().cpu().numpy()
    middle = (len(values) - 1) // 2
    with np.errstate(over="ignore"):
        # Absolute differences: squares of huge values overflow.
        return int(np.abs(values - np.partition(values, middle, axis=0)[middle]).sum(axis=1).argmin())


@lru_cache(maxsize=64)
def _sample_columns(d: int) -> Tensor | None:
    """Which of d columns a sample holds; None: all."""
    if d <= SAMPLED_RUNS * SAMPLED_RUN:
        return None
    starts = torch.arange(SAMPLED_RUNS) * ((d - SAMPLED_RUN) // (SAMPLED_RUNS - 1))
    return (starts[:, None] + torch.arange(SAMPLED_RUN)).flatten()


def centred_blocks(
    vectors: Tensor, centre: Tensor | None, dtype: torch.dtype, rows: Sequence[int] | None = None
) -> Iterator[Tensor]:
    """(k, ≤COLUMNS) blocks of vectors − centre, in one buffer that is written over."""
    selection = None if rows is None else torch.tensor(rows, device=vectors.device)
    k = vectors.shape[0] if selection is None else len(selection)
    d = vectors.shape[1]
    buffer = torch.empty(k * min(COLUMNS, d), dtype=dtype, device=vectors.device)
    for start in range(0, d, COLUMNS):
        stop = min(d, start + COLUMNS)
        part = vectors[:, start:stop]
        if selection is not None:
            part = part[selection]
        block = buffer[: k * (stop - start)].view(k, stop - start)
        if centre is None:
            block.copy_(part)
        elif part.dtype == dtype:
            torch.sub(part, centre[start:stop], out=block)
        else:
            block.copy_(part).sub_(centre[start:stop])
        yield block


def gram(
    vectors: Tensor, centre: Tensor | None, rows: Sequence[int] | None = None, precise: bool = False
) -> np.ndarray:
    """(k, k) inner products ⟨xᵢ − c, xⱼ − c⟩ in float64, of all rows or those named.

    Products are formed block by block in the rows' own type and added up in float64; where they overflow, or to be
    `precise`, in float64 throughout. May be infinite or NaN only where float64 itself overflows.
    """
    dtype = torch.float64 if precise else vectors.dtype
    answer = _gram(vectors, centre, rows, dtype)
    if dtype != torch.float64 and not np.isfinite(answer).all():
        answer = _gram(vectors, centre, rows, torch.float64)
    return answer


def _gram(vectors: Tensor, centre: Tensor | None, rows: Sequence[int] | None, dtype: torch.dtype) -> np.ndarray:
    k = vectors.shape[0] if rows is None else len(rows)
    as_they_are = centre is None and rows is None and dtype == vectors.dtype
    blocks = torch.split(vectors, COLUMNS, dim=1) if as_they_are else centred_blocks(vectors, centre, dtype, rows)
    if k <= GROUP:
        total = reduce(torch.add, ((block @ block.t()).double() for block in blocks))
    else:
        # Only the upper half, group by group: a third less to multiply.
        total = torch.zeros((k, k), dtype=torch.float64, device=vectors.device)
        parts = [(slice(at, at + GROUP), total[at : at + GROUP, at:]) for at in range(0, k, GROUP)]
        for block in blocks:
            for group, part in parts:
                part += block[group] @ block[group.start :].t()
    inner: np.ndarray = total.cpu().numpy()
    symmetric: np.ndarray = np.where(_upper(k), inner, inner.T)
    return symmetric


def squared_between(inner: np.ndarray) -> np.ndarray:
    """(k, k) ‖xᵢ − xⱼ‖² out of inner products about any centre; rounding may leave a little less than zero."""
    norms = inner.diagonal()
    with np.errstate(invalid="ignore", over="ignore"):
        squared: np.ndarray = norms[:, None] + norms - 2 * inner
    return squared


def central_gram(vectors: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(k, k) inner products about zero, or about a row in their middle where most lie near to one, but far from zero;
    and the squared distances between the rows."""
    inner = gram(vectors, None)
    squared, middle = squared_between(inner), (len(inner) - 1) // 2
    near = np.partition(squared, middle, axis=1)[:, middle]
    if (inner.diagonal() > FAR * near).any():
        inner = gram(vectors, vectors[anchor(vectors)])
        squared = squared_between(inner)
    return inner, squared


@lru_cache(maxsize=64)
def _upper(k: int) -> np.ndarray:
    """(k, k) whether an entry is on the diagonal or right of it."""
    return np.tri(k, dtype=bool).T


def squared_norms(vectors: Tensor, centre: Tensor | None = None, precise: bool = False) -> np.ndarray:
    """(k,) squared lengths ‖xᵢ − c‖² in float64, by direct differences; `precise`: float64 throughout."""
    dtype = torch.float64 if precise else vectors.dtype
    answer = _squared_norms(vectors, centre, dtype)
    if dtype != torch.float64 and not np.isfinite(answer).all():
        answer = _squared_norms(vectors, centre, torch.float64)
    return answer


def _squared_norms(vectors: Tensor, centre: Tensor | None, dtype: torch.dtype) -> np.ndarray:
    answer = torch.zeros(vectors.shape[0], dtype=torch.float64, device=vectors.device)
    if centre is None and dtype == vectors.dtype == torch.float32:
        for block in torch.split(vectors, COLUMNS, dim=1):
            answer += torch.linalg.vector_norm(block, dim=1).double().square_()
    else:
        for block in centred_blocks(vectors, centre, dtype):
            answer += block.square_().sum(dim=1)
    squares: np.ndarray = answer.cpu().numpy()
    return squares


def inner_products(vectors: Tensor, vector: Tensor) -> np.ndarray:
    """(k,) ⟨xᵢ, v⟩ in float64."""
    answer = _inner_products(vectors, vector, vectors.dtype)
    if vectors.dtype != torch.float64 and not np.isfinite(answer).all():
        answer = _inner_products(vectors, vector, torch.float64)
    return answer


def _inner_products(vectors: Tensor, vector: Tensor, dtype: torch.dtype) -> np.ndarray:
    answer = torch.zeros(vectors.shape[0], dtype=torch.float64, device=vectors.device)
    for start in range(0, vectors.shape[1], COLUMNS):
        stop = start + COLUMNS
        answer += vectors[:, start:stop].to(dtype) @ vector[start:stop].to(dtype)
    products: np.ndarray = answer.cpu().numpy()
    return products


def combination(weights: np.ndarray, vectors: Tensor) -> Tensor:
    """Σ wᵢ xᵢ of the rows, (k,) -> (d,) or (m, k) -> (m, d), for weights in float64."""
    factors = torch.as_tensor(weights, device=vectors.device).to(vectors.dtype)
    if factors.dim() == 1:
        return factors @ vectors
    answer = empty_rows(vectors, len(factors))
    for part, target in zip(
        torch.split(vectors, COMBINED_COLUMNS, dim=1), torch.split(answer, COMBINED_COLUMNS, dim=1), strict=True
    ):
        torch.mm(factors, part, out=target)
    return answer


def empty_rows(vectors: Tensor, count: int) -> Tensor:
    """(count, d) new memory beside the rows."""
    d = vectors.shape[1]
    if vectors.device.type == "cpu" and vectors.dtype in ROUNDING:
        # NumPy asks for huge pages: writing to new memory for the first time then costs a third.
        return torch.from_numpy(np.empty((count, d), dtype=np.float32 if vectors.dtype.itemsize == 4 else np.float64))
    return torch.empty((count, d), dtype=vectors.dtype, device=vectors.device)


def mean_of(vectors: Tensor, rows: Sequence[int]) -> Tensor:
    """(d,) the mean of some rows."""
    mask = np.zeros(vectors.shape[0])
    mask[list(rows)] = 1.0
    return combination(mask, vectors).div_(len(rows))
