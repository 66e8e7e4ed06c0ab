from __future__ import annotations

import numpy as np

from byzsgd.interfaces import Split
from byzsgd.partitions.blocks import require_enough


def iid(split: Split, num_workers: int, rng: np.random.Generator, /) -> list[np.ndarray]:
    """The examples are shuffled and split evenly: sizes differ by at most one."""
    examples = len(split.targets)
    require_enough("iid", examples, num_workers)
    return [np.sort(part) for part in np.array_split(rng.permutation(examples), num_workers)]
