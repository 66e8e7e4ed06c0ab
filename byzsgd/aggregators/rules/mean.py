"""The average: optimal without liars, at the mercy of one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from byzsgd.aggregators.declaration import rule
from byzsgd.interfaces.compiled import compiled_as

LARGE = 50_000  # numbers in a vector from where on a copy costs more than the calls


def one_by_one(vectors: Sequence[Tensor]) -> Tensor:
    """The average of k separate vectors, none of them copied; up to rounding that of their stack."""
    if len(vectors) == 1:
        return vectors[0]
    if vectors[0].numel() < LARGE:
        return torch.stack(tuple(vectors)).mean(dim=0)
    total = vectors[0] + vectors[1]
    for vector in vectors[2:]:
        total.add_(vector)
    return total.div_(len(vectors))


@compiled_as("mean")
@rule(
    laws=("permutation", "translation", "scaling", "sign", "rotation", "diagonal", "box"),
    lets_non_finite_through=True,
    of_vectors=one_by_one,
)
def mean(vectors: Tensor) -> Tensor:
    """The average of the rows, (k, d) -> (d,).

    (1/k) Σ xᵢ. Non-finite rows go through.

    Breakdown: 0 (one row moves it anywhere).
    Cost: kd.
    McMahan, Moore, Ramage, Hampson, Agüera y Arcas: Communication-efficient learning of deep networks, AISTATS 2017,
    arXiv 1602.05629 (as FedAvg).
    """
    return vectors.mean(dim=0)
