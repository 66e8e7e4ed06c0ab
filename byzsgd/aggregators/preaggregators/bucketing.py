"""Bucketing: means of random groups."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import Condition, preaggregator
from byzsgd.aggregators.feeds import Randomness
from byzsgd.aggregators.rules.numerics.gram import empty_rows


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
    order = rng.permutation(vectors.shape[0]).tolist()
    groups = [order[start : start + size] for start in range(0, len(order), size)]
    answer = empty_rows(vectors, len(groups))
    for target, group in zip(answer, groups, strict=True):
        target.copy_(vectors[group[0]])
        for row in group[1:]:
            target.add_(vectors[row])
        target.div_(len(group))
    return answer
