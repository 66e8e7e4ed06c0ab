"""Scaling rows down to a norm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from byzsgd.aggregators.magnitudes import exponents, ldexp, safe, sizes_of
from byzsgd.aggregators.rules.numerics.gram import empty_rows, squared_norms


def shrunk(vectors: Tensor, longest: Callable[[np.ndarray], float]) -> Tensor:
    """(k, d) rows whose norm exceeds `longest` of all norms are scaled down to it; the others are copied."""
    norms = norms_of(vectors)
    limit = longest(norms)
    scales = np.divide(limit, norms, out=np.ones_like(norms), where=norms > limit)
    factors = torch.as_tensor(scales, device=vectors.device).to(vectors.dtype)[:, None]
    return torch.mul(vectors, factors, out=empty_rows(vectors, len(norms)))


def norms_of(rows: Tensor) -> np.ndarray:
    """(k,) ‖xᵢ‖ of finite rows in float64: infinite only where the norm itself is out of range."""
    sizes = sizes_of(rows)
    if safe("squared", rows.dtype, sizes):
        return np.asarray(np.sqrt(squared_norms(rows)))
    e = exponents(sizes)
    with np.errstate(over="ignore"):
        norms: np.ndarray = np.ldexp(np.sqrt(squared_norms(ldexp(rows.double(), -e))), e)
    return norms
