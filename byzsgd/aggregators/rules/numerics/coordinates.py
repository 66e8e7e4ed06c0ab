"""Rows as coordinates in the space that they span: k numbers each in place of d."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from byzsgd.aggregators.rules.numerics.gram import COLUMNS, gram

# Where the squared singular values spread wider than this, inner products no longer tell the small ones apart.
WELL_CONDITIONED = 1e-4


def coordinates(vectors: Tensor) -> np.ndarray:
    """(k, r) rows with the lengths and angles of the k rows, r ≤ min(k, d), in float64."""
    inner = gram(vectors, None, precise=True)
    norms = np.sqrt(inner.diagonal())
    unit = inner / np.outer(np.where(norms > 0, norms, 1.0), np.where(norms > 0, norms, 1.0))
    values, axes = np.linalg.eigh(unit)
    if values[0] > WELL_CONDITIONED * values[-1]:
        answer: np.ndarray = axes * np.sqrt(values) * norms[:, None]
        return answer
    return _triangular(vectors)


def _triangular(vectors: Tensor) -> np.ndarray:
    """The transposed R of a QR decomposition of the columns xᵢ, block by block."""
    k, d = vectors.shape
    triangle = torch.zeros((0, k), dtype=torch.float64, device=vectors.device)
    for start in range(0, d, COLUMNS):
        block = torch.cat((triangle, vectors[:, start : start + COLUMNS].double().t()))
        triangle = torch.linalg.qr(block, mode="r").R
    answer: np.ndarray = triangle.t().cpu().numpy()
    return answer
