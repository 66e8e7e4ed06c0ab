"""The sum of the rows."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import rule
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("sum")
@rule(laws=("permutation", "scaling", "sign", "rotation", "diagonal"), lets_non_finite_through=True)
def sum(vectors: Tensor) -> Tensor:
    """The sum of the rows, (k, d) -> (d,).

    Σ xᵢ. Non-finite rows go through.

    Breakdown: 0 (one row moves it anywhere).
    Chen, Pan, Monga, Bengio, Jozefowicz: Revisiting distributed synchronous SGD, 2016, arXiv 1604.00981 (up to 1/k).
    """
    return vectors.sum(dim=0)
