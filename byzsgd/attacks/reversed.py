"""The scaled negative gradient."""

from __future__ import annotations

import math

from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.checks import require
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


def _check(*, scale: float) -> None:
    require(math.isfinite(scale), "reversed", "a finite scale", scale=scale)


@compiled_as("reversed", "scale")
@forging(sees="own", check=_check)
def reversed(view: View, *, scale: float = 10) -> Tensor:
    """Sends the opposite of the own vector, enlarged: (d,) −scale·own.

    Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki: Asynchronous Byzantine machine learning (ICML 2018,
    arXiv 1802.07928) test with scale = 10, as do Zeno++ and BASGD.
    """
    return view.own * -scale
