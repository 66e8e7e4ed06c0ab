"""The attack written for the elimination of large norms."""

from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.attacks.declaration import Condition, forging
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("view")
@forging(Condition("0 <= margin < 1", lambda margin: 0 <= margin < 1), sees="delivered")
def anti_cge(view: View, *, margin: float = 1e-3) -> Tensor:
    """Sends (d,) the opposite of what the rule would keep, just short enough to be kept itself.

    Of h visible honest vectors the rule keeps the h−f shortest beside the liars' own: the direction is minus their
    mean, the norm (1−margin) times the next honest norm (0-based rank h−f, which is n−2f in a full round with m = f),
    or the largest one for f = 0. With no more than f visible honest vectors, or fewer than two, it sends its own.

    Against comparative gradient elimination: Gupta, Liu, Vaidya: Byzantine fault-tolerant distributed machine learning
    using stochastic gradient descent and norm-based comparative gradient elimination (DSN-W 2021, arXiv 2008.04699).
    """
    h, f = view.honest.shape[0], view.f
    if h < 2 or h <= f:
        return view.own
    norms, order = torch.linalg.vector_norm(view.honest, dim=1).sort(stable=True)
    kept = view.honest[order[: h - f]].mean(dim=0)
    length = float(torch.linalg.vector_norm(kept))
    if not length > 0:
        return torch.zeros_like(kept)
    return kept * -((1 - margin) * float(norms[min(h - f, h - 1)]) / length)
