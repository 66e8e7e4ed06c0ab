from __future__ import annotations

from torch import Tensor

from byzsgd.schemes.rules.declaration import COUNT, Condition, node_rule


@node_rule(COUNT, Condition("2b+1 neighbours at every node", lambda degree, b: degree >= 2 * b + 1), counts="b")
def bridge(own: Tensor, received: Tensor, weights: Tensor, *, b: int) -> Tensor:
    """BRIDGE-T: in every coordinate the b lowest and the b highest of the neighbours are dropped; the mean of the rest
    and the own model, all alike: (d,), (k, d), (k,) -> (d,). `weights` are not used; needs k >= 2b+1.

    Fang, Yang, Bajwa: BRIDGE: Byzantine-resilient decentralized gradient descent (IEEE Transactions on Signal and
    Information Processing over Networks 2022, arXiv 1908.08098).
    Differs: public code lowers b until it fits.
    """
    middle = received.sort(dim=0).values[b : len(received) - b]
    return (middle.sum(dim=0) + own) / (len(middle) + 1)
