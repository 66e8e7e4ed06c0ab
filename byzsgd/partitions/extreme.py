from __future__ import annotations

import numpy as np

from byzsgd.interfaces import Split
from byzsgd.partitions.blocks import class_numbers, require_enough


def sorted_by_class(indices: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The indices by ascending class, in their previous order within a class."""
    return indices[np.argsort(classes[indices], kind="stable")]


def extreme(split: Split, num_workers: int, rng: np.random.Generator, /) -> list[np.ndarray]:
    """The examples are sorted by class and cut into even pieces: each worker has as few classes as possible."""
    classes = class_numbers("extreme", split.targets.cpu().numpy())
    require_enough("extreme", len(classes), num_workers)
    order = sorted_by_class(rng.permutation(len(classes)), classes)
    return [np.sort(part) for part in np.array_split(order, num_workers)]
