"""All liars vote against the honest sum."""

from __future__ import annotations

from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.interfaces import View


@forging(sees="delivered")
def vote_flip(view: View) -> Tensor:
    """Sends the opposite of the sign of the honest sum: (d,) −sign(Σ honest), 0 where the sum is 0.

    With knowledge=in_flight the sum is of gradients before compression, as in the authors' code (there called best);
    with delivered of the last delivered messages. With no visible honest vector it sends its own.

    Jin, Huang, He, Dai, Wu: Stochastic-Sign SGD for federated learning with theoretical guarantees, 2020, arXiv
    2002.10940.
    """
    if not view.honest.shape[0]:
        return view.own
    return view.honest.sum(dim=0).sign_().neg_()
