from __future__ import annotations

import math

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Split
from byzsgd.partitions.blocks import class_numbers, require_enough, require_nonempty

DRAWS = 100  # attempts at a partition in which every worker has an example


def dirichlet(split: Split, num_workers: int, rng: np.random.Generator, /, *, alpha: float = 0.5) -> list[np.ndarray]:
    """Each class is split over the workers in shares drawn from Dirichlet(α, …, α); small α: few classes per worker.

    Hsu, Qi, Brown: Measuring the effects of non-identical data distribution for federated visual classification
    (2019), arXiv:1909.06335; per class and over workers as in Yurochkin et al. (ICML 2019), arXiv:1905.12022.

    A draw that leaves a worker without examples is drawn again, at most 100 times, as the field's code does.
    """
    require(alpha > 0 and math.isfinite(alpha), "partition dirichlet", "0 < alpha < inf", alpha=alpha)
    classes = class_numbers("dirichlet", split.targets.cpu().numpy())
    require_enough("dirichlet", len(classes), num_workers)
    blocks: list[np.ndarray] = []
    for _ in range(DRAWS):
        blocks = _draw(classes, num_workers, rng, alpha)
        if min(map(len, blocks)) > 0:
            return blocks
    return require_nonempty("dirichlet", blocks, alpha=alpha, draws=DRAWS)


def _draw(classes: np.ndarray, num_workers: int, rng: np.random.Generator, alpha: float) -> list[np.ndarray]:
    parts: list[list[np.ndarray]] = [[] for _ in range(num_workers)]
    for label in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == label))
        shares = rng.dirichlet(np.full(num_workers, alpha))
        borders = np.round(np.cumsum(shares)[:-1] * len(members)).astype(np.int64)
        for worker, part in enumerate(np.split(members, borders)):
            parts[worker].append(part)
    return [np.sort(np.concatenate(part)) for part in parts]
