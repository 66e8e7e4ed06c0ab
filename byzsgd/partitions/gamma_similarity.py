from __future__ import annotations

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Split
from byzsgd.partitions.blocks import class_numbers, require_enough
from byzsgd.partitions.extreme import sorted_by_class


def gamma_similarity(
    split: Split, num_workers: int, rng: np.random.Generator, /, *, gamma: float = 0.5
) -> list[np.ndarray]:
    """A share γ of the examples is split evenly at random, the rest sorted by class; γ=1: iid, γ=0: extreme.

    Hsieh, Phanishayee, Mutlu, Gibbons: The non-IID data quagmire of decentralized machine learning (ICML 2020),
    arXiv:1910.00189; the name is that of Karimireddy et al. (ICML 2020), arXiv:1910.06378, s % similarity.
    """
    require(0 <= gamma <= 1, "partition gamma_similarity", "0 <= gamma <= 1", gamma=gamma)
    classes = class_numbers("gamma_similarity", split.targets.cpu().numpy())
    require_enough("gamma_similarity", len(classes), num_workers)
    order = rng.permutation(len(classes))
    similar = round(gamma * len(classes))
    even, rest = order[:similar], sorted_by_class(order[similar:], classes)
    # The larger parts of the two splits go to opposite ends, so sizes differ by at most one.
    pairs = zip(np.array_split(even, num_workers)[::-1], np.array_split(rest, num_workers), strict=True)
    return [np.sort(np.concatenate(parts)) for parts in pairs]
