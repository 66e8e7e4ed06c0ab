from __future__ import annotations

from torch import Tensor

from byzsgd.checks import require
from byzsgd.schemes.rules.declaration import node_rule, require_count


def _check(*, b: int) -> None:
    require_count("the rule bridge", b)


def _fits(degree: int, *, b: int) -> None:
    require(degree >= 2 * b + 1, "the rule bridge", "2b+1 neighbours at every node", degree=degree, b=b)


@node_rule(check=_check, fits=_fits, counts="b")
def bridge(own: Tensor, received: Tensor, weights: Tensor, *, b: int) -> Tensor:
    """BRIDGE-T: in every coordinate the b lowest and the b highest of the neighbours are dropped; the mean of the rest
    and the own model, all alike: (d,), (k, d), (k,) -> (d,). `weights` are not used; needs k >= 2b+1.

    Fang, Yang, Bajwa: BRIDGE: Byzantine-resilient decentralized gradient descent (IEEE Transactions on Signal and
    Information Processing over Networks 2022, arXiv 1908.08098).
    Differs: public code lowers b until it fits.
    """
    _fits(len(received), b=b)
    kept = received.sort(dim=0).values[b : len(received) - b]
    return (kept.sum(dim=0) + own) / (len(kept) + 1)
