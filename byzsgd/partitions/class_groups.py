from __future__ import annotations

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Split
from byzsgd.partitions.blocks import class_numbers, require_enough


def class_groups(split: Split, num_workers: int, rng: np.random.Generator, /, *, groups: int = 2) -> list[np.ndarray]:
    """Groups of consecutive workers without a class in common; within a group the data are alike.

    The sorted classes are cut into `groups` even groups, and the workers into as many. The workers of a group share the
    examples of its classes evenly and at random.

    With two groups on the graph `dumbbell` it is the setting of He, Karimireddy, Jaggi (2022, arXiv 2202.01545), where
    each clique has half of the classes.
    """
    classes = class_numbers("class_groups", split.targets.cpu().numpy())
    labels = np.unique(classes)
    require(1 <= groups <= min(len(labels), num_workers), "partition class_groups",
            "1 <= groups <= classes and workers", groups=groups, classes=len(labels),
            num_workers=num_workers)  # fmt: skip
    blocks: list[np.ndarray] = []
    parts = zip(np.array_split(labels, groups), np.array_split(np.arange(num_workers), groups), strict=True)
    for members, workers in parts:
        own = rng.permutation(np.flatnonzero(np.isin(classes, members)))
        require_enough("class_groups", len(own), len(workers))
        blocks += [np.sort(piece) for piece in np.array_split(own, len(workers))]
    return blocks
