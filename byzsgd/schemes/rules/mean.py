from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.schemes.rules.declaration import NodeDeclaration


def mean(own: Tensor, received: Tensor, weights: Tensor) -> Tensor:
    """own + Σ_j w_j (x_j − own): (d,), (k, d), (k,) -> (d,). Nothing is kept out.

    Lian, Zhang, Zhang, Hsieh, Zhang, Liu: Can decentralized algorithms outperform centralized algorithms? (NeurIPS
    2017, arXiv 1705.09056).
    """
    return torch.addmv(own * (1.0 - float(weights.sum())), received.T, weights)


mean.__dict__["declaration"] = NodeDeclaration("the rule mean")
