from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.schemes.rules.declaration import node_rule


@node_rule()
def bridge_median(own: Tensor, received: Tensor, weights: Tensor) -> Tensor:
    """BRIDGE-M: the median of the own model and the neighbours in every coordinate, the midpoint of the two middle
    values for an even number: (d,), (k, d), (k,) -> (d,). `weights` are not used.

    Fang, Yang, Bajwa: BRIDGE: Byzantine-resilient decentralized gradient descent (IEEE Transactions on Signal and
    Information Processing over Networks 2022, arXiv 1908.08098).
    """
    ordered = torch.cat([own[None], received]).sort(dim=0).values
    count = len(ordered)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
