"""The published code of the Flag Aggregator: one decomposition of unit rows."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import Condition, rule
from byzsgd.aggregators.rules.flag import unit_columns
from byzsgd.aggregators.rules.numerics.coordinates import coordinates
from byzsgd.aggregators.rules.numerics.gram import combination


@rule(
    Condition("1 <= dimension <= k", lambda k, dimension: dimension is None or 1 <= dimension <= k),
    laws=("permutation", "sign", "rotation", "bounded"),
    sizes="ignored",
)
def flag_single(vectors: Tensor, *, dimension: int | None = None) -> Tensor:
    """The mean direction projected on the top singular directions of the unit rows, (k, d) -> (d,).

    (1/k) Y Yᵀ Σ x̃ᵢ, x̃ = x/‖x‖, Y = the top `dimension` (none given: ⌈(k+1)/2⌉) left singular vectors of the columns x̃ᵢ.
    The lengths of the rows do not enter.

    Breakdown: none in length (the answer is no longer than 1); liars keep their own directions.
    Cost: k²d.
    Almasi, Mishra, Vamanan, Ravi: Flag aggregator, ICLR 2024, arXiv 2302.05865, as its published code computes it: the
    weights of its single step are equal up to 2e-4, so here they are equal.
    """
    k = vectors.shape[0]
    columns, origins, _ = unit_columns(coordinates(vectors))
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    top = min(dimension or -(-(k + 1) // 2), int((values > 1e-13 * values[0]).sum()))
    basis = left[:, :top]
    # Y = Ũᵀ L Σ⁻¹ and Yᵀ Ũᵀ 1 = Σ Lᵀ 1: the singular values cancel.
    return combination((basis @ basis.sum(axis=0)) @ origins / k, vectors)
