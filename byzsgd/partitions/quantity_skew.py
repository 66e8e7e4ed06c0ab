from __future__ import annotations

import math

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Split
from byzsgd.partitions.blocks import require_enough


def quantity_skew(
    split: Split, num_workers: int, rng: np.random.Generator, /, *, alpha: float = 0.5
) -> list[np.ndarray]:
    """The examples are shuffled. Each worker gets one; the others are split in shares from Dirichlet(α, …, α).

    Li, Diao, Chen, He: Federated learning on non-IID data silos (ICDE 2022), arXiv:2102.02079, section IV-C.

    Differs: each worker first gets one example, where they draw again until every worker has enough.
    """
    require(alpha > 0 and math.isfinite(alpha), "partition quantity_skew", "0 < alpha < inf", alpha=alpha)
    examples = len(split.targets)
    require_enough("quantity_skew", examples, num_workers)
    shares = rng.dirichlet(np.full(num_workers, alpha))
    sizes = 1 + np.diff(np.round(np.cumsum([0.0, *shares]) * (examples - num_workers))).astype(np.int64)
    return [np.sort(part) for part in np.split(rng.permutation(examples), np.cumsum(sizes)[:-1])]
