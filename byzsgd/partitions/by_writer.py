from __future__ import annotations

import heapq

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Split


def by_writer(split: Split, num_workers: int, rng: np.random.Generator, /) -> list[np.ndarray]:
    """The examples of one writer stay together: writers, in random order, go to the worker with the fewest examples.

    The data need a writer for each example (`groups` of a tensor_file).

    As in Caldas et al.: LEAF, a benchmark for federated settings (2018), arXiv:1812.01097, where each worker is one
    writer.
    """
    if split.groups is None:
        raise ValueError("partition by_writer needs a dataset that knows its writers; got groups=null")
    groups = split.groups.cpu().numpy()
    owners = rng.permutation(np.unique(groups))
    require(len(owners) >= num_workers, "partition by_writer", "as many writers as workers", writers=len(owners),
            num_workers=num_workers)  # fmt: skip
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], [owners, owners + 1])
    fullness = [(0, worker) for worker in range(num_workers)]
    parts: list[list[np.ndarray]] = [[] for _ in range(num_workers)]
    for first, last in starts.T:
        size, worker = heapq.heappop(fullness)
        parts[worker].append(order[first:last])
        heapq.heappush(fullness, (size + int(last - first), worker))
    return [np.sort(np.concatenate(part)) for part in parts]
