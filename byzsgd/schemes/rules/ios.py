from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.schemes.rules.declaration import COUNT, Condition, node_rule


@node_rule(COUNT, Condition("more than b neighbours at every node", lambda degree, b: degree > b), counts="b")
def ios(own: Tensor, received: Tensor, weights: Tensor, *, b: int) -> Tensor:
    """Iterative outlier scissor: b times the neighbour farthest from the weighted mean of what is left is dropped, then
    the weighted mean: (d,), (k, d), (k,) -> (d,). The own model has weight 1 − Σw and is never dropped; of rows at the
    same distance the lower is.

    Wu, Chen, Ling: Byzantine-resilient decentralized stochastic optimization with robust aggregation rules (IEEE
    Transactions on Signal Processing 2023, arXiv 2206.04568).
    Differs: public code drops node 0 where all distances are 0.
    """
    rows = torch.cat([own[None], received]).double()
    heavy = torch.cat([1.0 - weights.double().sum()[None], weights.double()])
    rest = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    for _ in range(b):
        middle = _mean(rows[rest], heavy[rest])
        far = (rows - middle).square().sum(dim=1).masked_fill(~rest, -1.0)
        rest[1 + int(far[1:].argmax())] = False
    return _mean(rows[rest], heavy[rest]).to(own.dtype)


def _mean(rows: Tensor, weights: Tensor) -> Tensor:
    return (weights[:, None] * rows).sum(dim=0) / weights.sum()
