"""Decoding: what has arrived of a linear code, made into the sum of all parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from byzsgd.checks import require

RESIDUAL = 1e-6  # of sets that decode at most 3e-9, of the others at least 8e-4, up to 156 workers


def decode(matrix: np.ndarray, survivors: Sequence[int]) -> np.ndarray:
    """(len(survivors),) the coefficients a of least norm with Σ_i a_i·matrix[i] = (1, …, 1), i over the survivors.

    `matrix` (n, k): row i says with which coefficients worker i adds up the k parts. ArithmeticError where the
    survivors' rows do not span the sum: max|aB − 1| > 1e-6.
    """
    rows = np.asarray(matrix)[np.asarray(survivors, dtype=np.int64)]
    ones = np.ones(rows.shape[1])
    found: np.ndarray = np.linalg.lstsq(rows.T, ones, rcond=None)[0]
    residual = float(np.abs(rows.T @ found - ones).max())
    if residual > RESIDUAL:
        raise ArithmeticError(
            f"a code needs survivors whose rows add up to the sum of all parts; got survivors={list(survivors)}, "
            f"residual={residual:.3g}"
        )
    return found


def require_stragglers(who: str, stragglers: int, num_workers: int) -> None:
    """Raises ValueError unless 0 <= s < n."""
    require(0 <= stragglers < num_workers, who, "0 <= stragglers < num_workers", stragglers=stragglers,
            num_workers=num_workers)  # fmt: skip
