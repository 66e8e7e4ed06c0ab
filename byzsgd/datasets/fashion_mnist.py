"""The dataset `fashion_mnist`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from byzsgd.datasets.augmentations import ShiftFlip
from byzsgd.datasets.idx_images import idx_files, read_idx_images
from byzsgd.datasets.images import check_settings, image_data
from byzsgd.datasets.stored import stored
from byzsgd.interfaces import Data, ModelFactory
from byzsgd.torchvision_compat import import_torchvision

CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


@dataclass(frozen=True, kw_only=True)
class FashionMnist:
    """60,000 + 10,000 pictures of clothes of 28×28 grey pixels, 10 classes.

    Xiao, Rasul, Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms (2017),
    arXiv:1708.07747.
    """

    validation_share: float
    trusted: int
    download: bool
    mean: Sequence[float]
    std: Sequence[float]
    augment: ShiftFlip
    model: ModelFactory

    def __post_init__(self) -> None:
        check_settings("dataset fashion_mnist", 1, self.mean, self.std, self.validation_share, self.trusted)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        who = "dataset fashion_mnist"
        files = idx_files("FashionMNIST/raw", "train", "t10k")

        def fetch(folder: Path) -> None:
            import_torchvision().datasets.FashionMNIST(folder, download=True)

        train, test = stored(who, root, files, self.download, fetch, lambda at: read_idx_images(who, at, files))
        return image_data(
            who,
            train,
            test,
            rng,
            shape=(1, 28, 28),
            class_names=CLASSES,
            official=(60_000, 10_000),
            mean=self.mean,
            std=self.std,
            validation_share=self.validation_share,
            trusted=self.trusted,
            augment=self.augment.active(),
        )
