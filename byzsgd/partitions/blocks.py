"""Checks of all partitions: every worker needs an example."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from byzsgd.checks import require


def require_nonempty(who: str, blocks: Sequence[np.ndarray], **values: object) -> list[np.ndarray]:
    """The blocks; ValueError where a worker has no example."""
    sizes = [len(block) for block in blocks]
    require(
        min(sizes) > 0,
        f"partition {who}",
        "at least one example for every worker",
        empty=sizes.count(0),
        num_workers=len(sizes),
        examples=sum(sizes),
        **values,
    )
    return list(blocks)


def require_enough(who: str, examples: int, num_workers: int) -> None:
    """ValueError where there are fewer examples than workers."""
    require(
        examples >= num_workers,
        f"partition {who}",
        "at least one example for every worker",
        examples=examples,
        num_workers=num_workers,
    )


def class_numbers(who: str, targets: np.ndarray) -> np.ndarray:
    """(N,) the class numbers of the examples; ValueError where the targets are no classes."""
    require(
        targets.ndim == 1 and np.issubdtype(targets.dtype, np.integer),
        f"partition {who}",
        "a dataset with classes",
        targets=f"{targets.dtype}{list(targets.shape)}",
    )
    return targets
