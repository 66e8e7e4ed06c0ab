"""How far a rule's answer is from the honest mean, in units of the honest variance."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def empirical_kappa(answer: Tensor, honest: Tensor) -> float:
    """‖F − x̄_H‖² / ((1/h) Σ_H ‖xᵢ − x̄_H‖²) of an answer (d,) and the h honest rows (h, d) behind it.

    For a rule with a bound κ(n, f) it never exceeds that bound. Honest rows without spread give 0 where the answer is
    their mean, else infinity.

    Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan: Fixing by mixing, AISTATS 2023, arXiv 2302.01772.
    """
    rows = honest.double()
    mean = rows.mean(dim=0)
    error = float(torch.square(answer.double() - mean).sum())
    variance = float(torch.square(rows - mean).sum()) / len(rows)
    if variance == 0:
        return 0.0 if error == 0 else math.inf
    return error / variance
