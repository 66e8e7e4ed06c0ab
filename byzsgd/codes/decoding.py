"""Decoding of linear codes: the sum of all parts from the messages that have arrived."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from byzsgd.checks import require

RESIDUAL = 1e-6  # up to 156 workers, sets that decode have at most 3e-9 and the others at least 8e-4


def decode(matrix: np.ndarray, survivors: Sequence[int]) -> np.ndarray:
    """(len(survivors),) the coefficients a of least norm with Σ_i a_i·matrix[i] = (1, …, 1), i over the survivors.

    `matrix` (n, k): row i has the coefficients with which worker i adds up the k parts. ArithmeticError where the
    survivors' rows do not span the sum: max|aB − 1| > 1e-6.
    """
    rows = np.asarray(matrix)[np.asarray(survivors, dtype=np.int64)]
    ones = np.ones(rows.shape[1])
    coefficients: np.ndarray = np.linalg.lstsq(rows.T, ones, rcond=None)[0]
    residual = float(np.abs(rows.T @ coefficients - ones).max())
    if residual > RESIDUAL:
        raise ArithmeticError(
            f"a code needs survivors whose rows add up to the sum of all parts; got survivors={list(survivors)}, "
            f"residual={residual:.3g}"
        )
    return coefficients


def require_stragglers(who: str, stragglers: int, num_workers: int) -> None:
    """ValueError unless 0 <= s < n."""
    require(0 <= stragglers < num_workers, who, "0 <= stragglers < num_workers", stragglers=stragglers,
            num_workers=num_workers)  # fmt: skip
