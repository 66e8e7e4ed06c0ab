"""The scaled negative gradient."""

from __future__ import annotations

import math

from torch import Tensor

from byzsgd.attacks.declaration import Condition, forging
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("reversed", "scale")
@forging(Condition("a finite scale", lambda scale: math.isfinite(scale)), sees="own")
def reversed(view: View, *, scale: float = 10) -> Tensor:
    """Sends the opposite of the own vector, enlarged: (d,) −scale·own.

    Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki: Asynchronous Byzantine machine learning (ICML 2018,
    arXiv 1802.07928) test with scale = 10, as do Zeno++ and BASGD.
    """
    return view.own * -scale
