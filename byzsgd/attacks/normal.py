"""Gaussian noise from the adversary's own stream."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from byzsgd.interfaces import View


def normal(view: View) -> Tensor:
    """(d,) independent standard normal numbers, of the type and on the device of the own vector."""
    single = view.own.dtype != torch.float64
    draws = view.rng.standard_normal(view.own.numel(), dtype=np.float32 if single else np.float64)
    return torch.from_numpy(draws).to(view.own)
