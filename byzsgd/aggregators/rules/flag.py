"""The Flag Aggregator: projection on the subspace that explains most of the rows."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import Condition, rule
from byzsgd.aggregators.rules.numerics.coordinates import coordinates
from byzsgd.aggregators.rules.numerics.gram import combination


@rule(
    Condition("1 <= dimension <= k", lambda k, dimension: dimension is None or 1 <= dimension <= k),
    Condition("0 <= pairwise < inf", lambda pairwise: 0 <= pairwise < np.inf),
    Condition("tolerance > 0", lambda tolerance: tolerance > 0),
    Condition("max_steps >= 1", lambda max_steps: max_steps >= 1),
    laws=("permutation", "scaling", "sign", "rotation"),
)
def flag(
    vectors: Tensor,
    *,
    dimension: int | None = None,
    pairwise: float = 0.0,
    tolerance: float = 1e-10,
    max_steps: int = 100,
) -> Tensor:
    """The mean projected on the subspace nearest to the rows' directions, (k, d) -> (d,).

    (1/k) Y Yᵀ Σ xᵢ with Y of orthonormal columns, `dimension` (none given: ⌈(k+1)/2⌉) of them, minimising
    Σ √(1-‖Yᵀx̃ᵢ‖²) + pairwise/(k(k-1)) Σ_{i≠j} √(1-‖Yᵀ(xᵢ-xⱼ)‖²/‖xᵢ-xⱼ‖²), x̃ = x/‖x‖, by iteratively reweighted
    least squares: Y = the top left singular vectors of the columns times wᵢ = (1-‖Yᵀx̃ᵢ‖²+1e-12)^(-1/4), until the
    objective changes by less than `tolerance`.

    Breakdown: 0 for raw rows (a far row keeps its direction, and its length enters the mean).
    Cost: k²d + Tk³.
    Almasi, Mishra, Vamanan, Ravi: Flag aggregator: scalable distributed training under failures and augmented losses
    using convex optimization, ICLR 2024, arXiv 2302.05865.
    Differs: the published code makes one unweighted decomposition of unit rows: that is `flag_single`.
    """
    k = vectors.shape[0]
    rows = coordinates(vectors)
    columns, origins, counts = unit_columns(rows, pairwise)
    size = min(dimension or -(-(k + 1) // 2), rows.shape[1])
    weights, objective = np.sqrt(counts), np.inf
    for _ in range(max_steps):
        left, values, basis = np.linalg.svd(columns * weights[:, None], full_matrices=False)
        residuals = residuals_of(columns, basis, size)
        before, objective = objective, float((counts * np.sqrt(residuals)).sum())
        scale = weights
        weights = np.sqrt(counts) * (residuals + 1e-12) ** -0.25
        if abs(before - objective) < tolerance:
            break
    top = min(size, int((values > 1e-13 * values[0]).sum()))
    # Every kept direction as a combination of the columns, and those of the rows: Y Yᵀ Σ x without leaving their span.
    amounts = basis[:top] @ rows.sum(axis=0) / values[:top]
    return combination((left[:, :top] @ amounts * scale) @ origins / k, vectors)


def unit_columns(rows: np.ndarray, pairwise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit directions of the rows and of their differences, the combinations of rows that they are, their weights."""
    k = len(rows)
    directions, counts = [np.eye(k)], [np.ones(k)]
    if pairwise > 0 and k > 1:
        first, second = np.triu_indices(k, 1)
        directions.append(np.eye(k)[first] - np.eye(k)[second])
        counts.append(np.full(len(first), 2 * pairwise / (k * (k - 1))))
    combinations = np.concatenate(directions)
    columns = combinations @ rows
    lengths = np.linalg.norm(columns, axis=1)
    inverse = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)[:, None]
    return columns * inverse, combinations * inverse, np.concatenate(counts)


def residuals_of(columns: np.ndarray, basis: np.ndarray, size: int) -> np.ndarray:
    """1 − ‖Yᵀx̃‖² of every column: its part outside the first `size` directions, 1 for a zero column."""
    outside = np.square(columns @ basis[size:].T).sum(axis=1)
    answer: np.ndarray = np.where(columns.any(axis=1), outside, 1.0)
    return answer
