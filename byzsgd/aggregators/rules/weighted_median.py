"""The weighted coordinate-wise median."""

from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.aggregators.declaration import weighted_rule
from byzsgd.aggregators.rules.ordering import SORT_COLUMNS


@weighted_rule(laws=("permutation", "translation", "scaling", "sign", "diagonal", "bounded", "box"))
def weighted_median(vectors: Tensor, weights: Tensor) -> Tensor:
    """The weighted median of every coordinate, (k, d), (k,) -> (d,).

    Per coordinate the smallest value whose cumulative weight reaches half the total; where it is half exactly, the
    midpoint with the next value. With integer weights, the median of as many copies. Rows of weight zero do not count.

    Breakdown: less than half of the total weight.
    Dahan, Levy: Fault tolerant ML: efficient meta-aggregation and synchronous training, NeurIPS 2024,
    arXiv 2405.14759; asynchronous: Dahan, Levy: Weight for robustness, NeurIPS 2024, arXiv 2501.09621.
    """
    counted = weights > 0
    vectors, weights = vectors[counted], weights[counted].double()
    answer = torch.empty_like(vectors[0])
    for start in range(0, vectors.shape[1], SORT_COLUMNS):
        ordered, rows = vectors[:, start : start + SORT_COLUMNS].sort(dim=0)
        cumulative = weights[rows].cumsum(dim=0)
        half = cumulative[-1:] * 0.5
        first = (cumulative < half).sum(dim=0, keepdim=True)
        low = ordered.gather(0, first)
        following = (first + 1).clamp_(max=len(ordered) - 1)
        middle = low * 0.5 + ordered.gather(0, following) * 0.5
        answer[start : start + SORT_COLUMNS] = torch.where(cumulative.gather(0, first) == half, middle, low)[0]
    return answer
