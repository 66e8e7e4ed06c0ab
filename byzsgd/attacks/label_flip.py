"""Flipped labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from byzsgd.checks import require
from byzsgd.interfaces import Attack, Batch


@dataclass(frozen=True, kw_only=True)
class LabelFlip(Attack):
    """Honest work on wrong labels: class y of C becomes C−1−y.

    Tolpegin, Truex, Gursoy, Liu: Data poisoning attacks against federated learning systems (ESORICS 2020,
    arXiv 2007.08432); this mapping is the one of Fang, Cao, Jia, Gong (USENIX Security 2020, arXiv 1911.11815).
    """

    def poison(self, batch: Batch) -> Batch:
        require(batch.num_classes > 0, "label_flip", "a dataset with classes", num_classes=batch.num_classes)
        return replace(batch, targets=batch.num_classes - 1 - batch.targets)
