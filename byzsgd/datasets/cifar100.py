"""The dataset `cifar100`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from byzsgd.datasets.augmentations import ShiftFlip
from byzsgd.datasets.images import Stored, check_settings, image_data
from byzsgd.datasets.stored import read_pickle, stored
from byzsgd.interfaces import Data, ModelFactory
from byzsgd.torchvision_compat import import_torchvision

FILES = [f"cifar-100-python/{name}" for name in ("train", "test", "meta")]


@dataclass(frozen=True, kw_only=True)
class Cifar100:
    """50,000 + 10,000 pictures of 32×32 coloured pixels, 100 classes.

    Krizhevsky: Learning multiple layers of features from tiny images (technical report, 2009).
    """

    validation_share: float
    trusted: int
    download: bool
    mean: Sequence[float]
    std: Sequence[float]
    augment: ShiftFlip
    model: ModelFactory

    def __post_init__(self) -> None:
        check_settings("dataset cifar100", 3, self.mean, self.std, self.validation_share, self.trusted)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        def fetch(folder: Path) -> None:
            import_torchvision().datasets.CIFAR100(folder, download=True)

        train, test, names = stored("dataset cifar100", root, FILES, self.download, fetch, _read)
        return image_data(
            "dataset cifar100",
            train,
            test,
            rng,
            shape=(3, 32, 32),
            class_names=names,
            official=(50_000, 10_000),
            mean=self.mean,
            std=self.std,
            validation_share=self.validation_share,
            trusted=self.trusted,
            augment=self.augment.active(),
        )


def _read(root: Path) -> tuple[Stored, Stored, list[str]]:
    who = "dataset cifar100"
    train, test = (read_pickle(who, root / name, "data", "fine_labels") for name in FILES[:2])
    parts = [Stored(np.asarray(data).reshape(-1, 3, 32, 32), np.asarray(labels)) for data, labels in (train, test)]
    return parts[0], parts[1], read_pickle(who, root / FILES[2], "fine_label_names")[0]
