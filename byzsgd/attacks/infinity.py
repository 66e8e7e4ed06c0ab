"""Overflow."""

from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("infinity")
@forging(sees="own")
def infinity(view: View) -> Tensor:
    """Sends (d,) +infinity in every coordinate."""
    return torch.full_like(view.own, float("inf"))
