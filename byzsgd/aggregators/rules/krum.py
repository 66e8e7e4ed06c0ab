"""Krum: the row whose nearest others are nearest."""

from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.aggregators.declaration import Condition, rule


@rule(
    Condition("k >= 2f+3", lambda k, f: k >= 2 * f + 3),
    Condition(
        "1 <= neighbours <= k-1", lambda k, f, neighbours: 1 <= (k - f - 2 if neighbours is None else neighbours) < k
    ),
    laws=("permutation", "translation", "scaling", "sign", "rotation", "agreement", "bounded", "box"),
)
def krum(vectors: Tensor, *, f: int, neighbours: int | None = None, squared: bool = True) -> Tensor:
    """The row with the least sum of squared distances to its nearest others, (k, d) -> (d,)."""
    distances = torch.cdist(vectors.double(), vectors.double(), compute_mode="donot_use_mm_for_euclid_dist")
    if squared:
        distances = distances.square()
    count = vectors.shape[0] - f - 2 if neighbours is None else neighbours
    scores = distances.sort(dim=1).values[:, 1 : count + 1].sum(dim=1)
    return vectors[scores.argmin()].clone()
