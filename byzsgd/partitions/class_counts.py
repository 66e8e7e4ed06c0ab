"""The number of examples of each class at each worker, for the figure of a partition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from byzsgd.interfaces import Split
from byzsgd.partitions.blocks import class_numbers


def class_counts(split: Split, blocks: Sequence[np.ndarray], num_classes: int) -> np.ndarray:
    """(n, num_classes) counts; rows sum to the sizes of the blocks."""
    classes = class_numbers("class_counts", split.targets.cpu().numpy())
    return np.stack([np.bincount(classes[block], minlength=num_classes) for block in blocks])
