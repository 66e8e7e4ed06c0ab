from __future__ import annotations

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Split
from byzsgd.partitions.blocks import class_numbers, require_nonempty


def labels(split: Split, num_workers: int, rng: np.random.Generator, /, *, per_worker: int) -> list[np.ndarray]:
    """Worker m holds the labels (m·per_worker + i) mod C, i < per_worker; each label is split evenly over its holders.

    With per_worker=1 one label a worker, as in Jin, Huang, He, Dai, Wu: Stochastic-Sign SGD for federated learning with
    theoretical guarantees, 2020, arXiv 2002.10940.
    """
    classes = class_numbers("labels", split.targets.cpu().numpy())
    names = np.unique(classes)
    who, count = "partition labels", len(names)
    require(1 <= per_worker <= count, who, "1 <= per_worker <= number of classes", per_worker=per_worker, classes=count)
    require(num_workers * per_worker >= count, who, "num_workers·per_worker >= number of classes, so that each is held",
            num_workers=num_workers, per_worker=per_worker, classes=count)  # fmt: skip
    parts: list[list[np.ndarray]] = [[] for _ in range(num_workers)]
    for index, name in enumerate(names):
        holders = [worker for worker in range(num_workers) if (index - worker * per_worker) % count < per_worker]
        for worker, part in zip(holders, np.array_split(rng.permutation(np.flatnonzero(classes == name)), len(holders)),
                                strict=True):  # fmt: skip
            parts[worker].append(part)
    return require_nonempty("labels", [np.sort(np.concatenate(own)) for own in parts], per_worker=per_worker)
