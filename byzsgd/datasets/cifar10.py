"""The dataset `cifar10`."""

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

FOLDER = "cifar-10-batches-py"
TRAIN = [f"{FOLDER}/data_batch_{number}" for number in range(1, 6)]
TEST = f"{FOLDER}/test_batch"
META = f"{FOLDER}/batches.meta"


@dataclass(frozen=True, kw_only=True)
class Cifar10:
    """50,000 + 10,000 pictures of 32×32 coloured pixels, 10 classes.

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
        check_settings("dataset cifar10", 3, self.mean, self.std, self.validation_share, self.trusted)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        def fetch(folder: Path) -> None:
            import_torchvision().datasets.CIFAR10(folder, download=True)

        files = [*TRAIN, TEST, META]
        train, test, names = stored("dataset cifar10", root, files, self.download, fetch, _read)
        return image_data(
            "dataset cifar10",
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
    who = "dataset cifar10"
    batches = [read_pickle(who, root / name, "data", "labels") for name in [*TRAIN, TEST]]
    parts = [Stored(np.asarray(data).reshape(-1, 3, 32, 32), np.asarray(labels)) for data, labels in batches]
    train = Stored(
        np.concatenate([part.images for part in parts[:-1]]), np.concatenate([part.labels for part in parts[:-1]])
    )
    return train, parts[-1], read_pickle(who, root / META, "label_names")[0]
