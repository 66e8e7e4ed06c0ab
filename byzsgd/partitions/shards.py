from __future__ import annotations

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Split
from byzsgd.partitions.blocks import class_numbers
from byzsgd.partitions.extreme import sorted_by_class


def shards(split: Split, num_workers: int, rng: np.random.Generator, /, *, per_worker: int = 2) -> list[np.ndarray]:
    """The examples, sorted by class, are cut into n·`per_worker` even shards; each worker gets `per_worker` of them.

    McMahan, Moore, Ramage, Hampson, Agüera y Arcas: Communication-efficient learning of deep networks from
    decentralized data (AISTATS 2017), arXiv:1602.05629, with two shards per worker.
    """
    require(per_worker >= 1, "partition shards", "per_worker >= 1", per_worker=per_worker)
    classes = class_numbers("shards", split.targets.cpu().numpy())
    count = num_workers * per_worker
    require(count <= len(classes), "partition shards", "no more shards than examples", shards=count,
            examples=len(classes))  # fmt: skip
    pieces = np.array_split(sorted_by_class(rng.permutation(len(classes)), classes), count)
    hands = rng.permutation(count).reshape(num_workers, per_worker)
    return [np.sort(np.concatenate([pieces[shard] for shard in hand])) for hand in hands]
