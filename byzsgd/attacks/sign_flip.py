"""Sign flipping."""

from __future__ import annotations

from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.interfaces import View


@forging(sees="own")
def sign_flip(view: View) -> Tensor:
    """Sends the opposite of the own vector: (d,) −own.

    Li, Xu, Chen, Giannakis, Ling: RSA: Byzantine-robust stochastic aggregation methods (AAAI 2019, arXiv 1811.03761).
    Differs: the paper's liars send a multiple (as `reversed` does), byzfl's the opposite of the honest mean.
    """
    return -view.own
