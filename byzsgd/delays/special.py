"""Special functions of SciPy, imported at their first call: the import takes an eighth of PyTorch's time, and most laws
do not need it."""

from __future__ import annotations

import numpy as np


def ndtr(values: np.ndarray | float) -> np.ndarray:
    """Φ(x), the distribution function of N(0, 1), elementwise."""
    from scipy.special import ndtr

    return np.asarray(ndtr(values))


def ndtri(probabilities: np.ndarray) -> np.ndarray:
    """Φ⁻¹(p), the quantile function of N(0, 1), elementwise."""
    from scipy.special import ndtri

    return np.asarray(ndtri(probabilities))


def gammainc(shape: float, values: np.ndarray) -> np.ndarray:
    """P(a, x), the distribution function of Gamma(a, 1), elementwise."""
    from scipy.special import gammainc

    return np.asarray(gammainc(shape, values))


def gammaincinv(shape: float, probabilities: np.ndarray) -> np.ndarray:
    """The quantile function of Gamma(a, 1), elementwise."""
    from scipy.special import gammaincinv

    return np.asarray(gammaincinv(shape, probabilities))
