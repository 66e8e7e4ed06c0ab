"""No attack."""

from __future__ import annotations

from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.interfaces import View


@forging(sees="own", harmless=True)
def none(view: View) -> Tensor:
    """Sends what an honest worker would send: (d,) own."""
    return view.own
