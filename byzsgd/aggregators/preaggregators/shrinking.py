"""Scaling rows down to a norm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from byzsgd.aggregators.rules.numerics.gram import squared_norms, unwritten


def shrunk(vectors: Tensor, longest: Callable[[np.ndarray], float]) -> Tensor:
    """(k, d) rows whose norm exceeds `longest` of all norms are scaled down to it; the others are copied."""
    norms = np.sqrt(squared_norms(vectors))
    limit = longest(norms)
    scales = np.divide(limit, norms, out=np.ones_like(norms), where=norms > limit)
    factors = torch.as_tensor(scales, device=vectors.device).to(vectors.dtype)[:, None]
    return torch.mul(vectors, factors, out=unwritten(vectors, len(norms)))
