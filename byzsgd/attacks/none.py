"""No attack."""

from __future__ import annotations

from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("own")
@forging(sees="own")
def none(view: View) -> Tensor:
    """Sends what an honest worker would send: (d,) own."""
    return view.own
