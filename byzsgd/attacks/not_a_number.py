"""Not a number."""

from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("not_a_number")
@forging(sees="own")
def not_a_number(view: View) -> Tensor:
    """Sends (d,) NaN in every coordinate: one such vector in a mean destroys the model."""
    return torch.full_like(view.own, float("nan"))
