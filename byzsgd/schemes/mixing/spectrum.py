"""How fast weights mix."""

from __future__ import annotations

import numpy as np


def spectral_gap(weights: np.ndarray) -> float:
    """1 − ρ, ρ the second largest |eigenvalue| of W (n, n): ‖X − x̄‖ falls by ρ per exchange at least. 1 for n = 1."""
    return gap_of(np.linalg.eigvalsh(weights))


def gap_of(eigenvalues: np.ndarray) -> float:
    """The spectral gap, from all n eigenvalues."""
    sizes = np.sort(np.abs(eigenvalues))
    return float(1.0 - sizes[-2]) if len(sizes) > 1 else 1.0


def least_eigenvalue(weights: np.ndarray) -> float:
    """λ_min of W (n, n), symmetric."""
    return float(np.linalg.eigvalsh(weights)[0])
