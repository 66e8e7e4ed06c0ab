"""Disjoint splits of the examples, and the checks of their sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import ModelFactory, Split


def require_shares(who: str, *, trusted: int, **shares: float) -> None:
    """The checks of split sizes before the data are read. ValueError unless every share is in [0, 1), the shares
    together leave training examples, and trusted >= 0."""
    for name, share in shares.items():
        require(0.0 <= share < 1.0, who, f"0 <= {name} < 1", **{name: share})
    require(sum(shares.values()) < 1.0, who, "shares that leave something to train on", **shares)
    require(trusted >= 0, who, "trusted >= 0", trusted=trusted)


@dataclass(frozen=True, kw_only=True)
class ByShares:
    """A dataset without an official test split: shares of its examples are for testing and validation."""

    who: ClassVar[str]  # in messages

    test_share: float
    validation_share: float
    trusted: int
    download: bool  # nothing to download
    model: ModelFactory

    def __post_init__(self) -> None:
        shares = {"test_share": self.test_share, "validation_share": self.validation_share}
        require_shares(self.who, trusted=self.trusted, **shares)


def cut(who: str, total: int, counts: dict[str, int], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Disjoint sorted index sets of these sizes, drawn at random. The remaining indices are `train`."""
    require(sum(counts.values()) < total, who, "some examples left to train on", examples=total, **counts)
    order = rng.permutation(total)
    parts: dict[str, np.ndarray] = {}
    start = 0
    for name, count in counts.items():
        parts[name] = np.sort(order[start : start + count])
        start += count
    parts["train"] = np.sort(order[start:])
    return parts


def take(split: Split, indices: np.ndarray) -> Split:
    """The examples of a split with these indices, in new memory."""
    at = torch.from_numpy(np.asarray(indices, dtype=np.int64))

    def picked(values: Tensor) -> Tensor:
        return values.index_select(0, at)

    return Split(picked(split.inputs), picked(split.targets), None if split.groups is None else picked(split.groups))
