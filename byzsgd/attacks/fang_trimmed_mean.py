"""The attack written for trimmed means."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from byzsgd.attacks.declaration import Condition, forging
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("view")
@forging(Condition("1 < b < inf", lambda b: 1 < b < math.inf), sees="delivered")
def fang_trimmed_mean(view: View, *, b: float = 2.0) -> Tensor:
    """Sends (d,) values just outside the honest ones, on the side against the mean, each drawn at random.

    Where mean_j > 0: uniform in [min_j/b, min_j] if min_j > 0, else in [b·min_j, min_j]; where mean_j < 0: in
    [max_j, b·max_j] if max_j > 0, else in [max_j, max_j/b]; min and max over the visible honest vectors. With fewer
    than two of them it sends its own.

    Fang, Cao, Jia, Gong: Local model poisoning attacks to Byzantine-robust federated learning (USENIX Security 2020,
    arXiv 1911.11815), b = 2.
    """
    if view.honest.shape[0] < 2:
        return view.own
    low, high, mean = view.honest.amin(dim=0), view.honest.amax(dim=0), view.honest.mean(dim=0)
    edge = torch.where(mean > 0, low, high)
    outward = torch.where((edge > 0) == (mean > 0), edge / b, edge * b)
    single = view.own.dtype != torch.float64
    drawn = view.rng.random(view.own.numel(), dtype=np.float32 if single else np.float64)
    forged = edge + (outward - edge) * torch.from_numpy(drawn).to(view.own)
    return torch.where(mean == 0, mean, forged)
