"""Bucketing: means of random groups."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from byzsgd.aggregators.declaration import Condition, preaggregator
from byzsgd.aggregators.feeds import Randomness
from byzsgd.aggregators.rules.gram import combination


@preaggregator(
    Condition("size >= 1", lambda size: size >= 1),
    laws=("translation", "scaling", "sign", "rotation", "diagonal"),
    feed=Randomness(),
    rows_out=lambda k, size: -(-k // size),
)
def bucketing(vectors: Tensor, *, size: int = 2, rng: np.random.Generator) -> Tensor:
    """Means of `size` rows each, in random order, (k, d) -> (⌈k/size⌉, d).

    The last bucket may be short. The rule behind it sees ⌈k/size⌉ rows, as many of them spoilt as before: f stays.

    Karimireddy, He, Jaggi: Byzantine-robust learning on heterogeneous datasets via bucketing, ICLR 2022,
    arXiv 2006.09365.
    """
    k = vectors.shape[0]
    buckets = -(-k // size)
    chosen = np.zeros((buckets, k))
    chosen[np.arange(k) // size, rng.permutation(k)] = 1.0
    counts = torch.as_tensor(chosen.sum(axis=1), device=vectors.device).to(vectors.dtype)
    return combination(chosen, vectors).div_(counts[:, None])
