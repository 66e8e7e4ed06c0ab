"""The average: optimal without liars, at the mercy of one."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import rule


@rule(
    laws=("permutation", "translation", "scaling", "sign", "rotation", "diagonal", "box"),
    lets_non_finite_through=True,
)
def mean(vectors: Tensor) -> Tensor:
    """The average of the rows, (k, d) -> (d,).

    (1/k) Σ xᵢ. Non-finite rows go through.

    Breakdown: 0 (one row moves it anywhere).
    McMahan, Moore, Ramage, Hampson, Agüera y Arcas: Communication-efficient learning of deep networks, AISTATS 2017,
    arXiv 1602.05629 (as FedAvg).
    """
    return vectors.mean(dim=0)
