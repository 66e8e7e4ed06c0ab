"""Nothing at all, punctually."""

from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("zero")
@forging(sees="own")
def zero(view: View) -> Tensor:
    """Sends (d,) zeros: harmless in itself, it takes a place that an honest vector could have had."""
    return torch.zeros_like(view.own)
