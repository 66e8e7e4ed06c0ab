from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from byzsgd.schemes.rules.declaration import Condition, distances, node_rule


@node_rule(
    Condition("0 < share <= 1", lambda share: 0 < share <= 1),
    Condition("0 <= alpha <= 1", lambda alpha: 0 <= alpha <= 1),
    losses=True,
)
def ubar(
    own: Tensor,
    received: Tensor,
    weights: Tensor,
    *,
    loss: Callable[[Tensor], float],
    share: float = 0.4,
    alpha: float = 0.5,
) -> Tensor:
    """UBAR: of the nearest max(1, ⌊share·k⌋) neighbours those whose loss on the node's own batch is at most the own
    model's, or the one of least loss where there is none; α·own + (1 − α)·their mean: (d,), (k, d), (k,) -> (d,).

    `loss` maps a model (d,) to its loss on the batch of the node's last gradient. `weights` are not used.

    Guo, Zhang, Yu, Xie, Ma, Xiang, Liu: Byzantine-resilient decentralized stochastic gradient descent (IEEE
    Transactions on Circuits and Systems for Video Technology 2022, arXiv 2002.08569).
    Differs: public code falls back to the nearest, not to the one of least loss.
    """
    count = max(1, math.floor(share * len(received)))
    nearest = received[distances(own, received).argsort(stable=True)[:count]]
    losses = torch.tensor([loss(model) for model in nearest], dtype=torch.float64)
    fits = losses <= loss(own)
    selection = nearest[fits] if bool(fits.any()) else nearest[losses.nan_to_num(nan=math.inf).argmin()][None]
    return alpha * own + (1.0 - alpha) * selection.mean(dim=0)
