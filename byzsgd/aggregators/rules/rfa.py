"""Robust federated aggregation: a few smoothed Weiszfeld steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from byzsgd.aggregators.declaration import Condition, rule
from byzsgd.aggregators.rules.numerics.affine import smoothed_weiszfeld
from byzsgd.aggregators.rules.numerics.ordering import coordinate_median

STARTS: dict[str, Callable[[Tensor], Tensor]] = {
    "median": coordinate_median,
    "mean": lambda vectors: vectors.mean(dim=0),
    "zero": lambda vectors: torch.zeros_like(vectors[0]),
}


@rule(
    Condition("steps >= 1", lambda steps: steps >= 1),
    Condition("1e-100 <= smoothing <= 1e100", lambda smoothing: 1e-100 <= smoothing <= 1e100),
    Condition("start of median, mean, zero", lambda start: start in STARTS),
    laws=("permutation", "translation", "sign", "bounded", "box"),
    lengths=("smoothing",),
)
def rfa(vectors: Tensor, *, steps: int = 3, smoothing: float = 1e-6, start: str = "median") -> Tensor:
    """The smoothed geometric median by a fixed number of Weiszfeld steps, (k, d) -> (d,).

    z ← Σ aᵢ xᵢ / Σ aᵢ with aᵢ = 1/max(smoothing, ‖xᵢ - z‖), `steps` times from the start: the coordinate-wise median
    (robust and shifted with the rows), the mean (one far row spoils few steps) or zero (not shifted with the rows).

    Breakdown: (k-1)/2 rows in the limit of many steps.
    Cost: k²d.
    Pillutla, Kakade, Harchaoui: Robust aggregation for federated learning, IEEE Transactions on Signal Processing 2022,
    arXiv 1912.13445.
    Differs: the paper starts from the mean of the devices chosen; a far row then needs more than three steps to fade.
    """
    return smoothed_weiszfeld(vectors, np.ones(vectors.shape[0]), STARTS[start](vectors), steps, smoothing)
