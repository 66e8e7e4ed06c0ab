"""Noise on top of honest work."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from byzsgd.attacks.declaration import Condition, forging
from byzsgd.attacks.normal import normal
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("view")
@forging(Condition("0 <= std < inf", lambda std: 0 <= std < math.inf), sees="own")
def random_disturbance(view: View, *, std: float = 0.2) -> Tensor:
    """Sends the own vector with noise as large as itself in every coordinate: (d,) own + N(0, (std·‖own‖)²).

    The noise is std·√d times as long as the vector.

    Yang, Li: BASGD: Buffered asynchronous SGD for Byzantine learning (ICML 2021, arXiv 2003.00937).
    """
    return view.own + normal(view) * (std * float(torch.linalg.vector_norm(view.own)))
