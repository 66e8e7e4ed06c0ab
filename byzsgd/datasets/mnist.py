"""The dataset `mnist`."""

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


@dataclass(frozen=True, kw_only=True)
class Mnist:
    """60,000 + 10,000 handwritten digits of 28×28 grey pixels, 10 classes.

    LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (Proc. IEEE 86, 1998).
    """

    validation_share: float
    trusted: int
    download: bool
    mean: Sequence[float]
    std: Sequence[float]
    augment: ShiftFlip
    model: ModelFactory

    def __post_init__(self) -> None:
        check_settings("dataset mnist", 1, self.mean, self.std, self.validation_share, self.trusted)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        who = "dataset mnist"
        files = idx_files("MNIST/raw", "train", "t10k")

        def fetch(folder: Path) -> None:
            import_torchvision().datasets.MNIST(folder, download=True)

        train, test = stored(who, root, files, self.download, fetch, lambda at: read_idx_images(who, at, files))
        return image_data(
            who,
            train,
            test,
            rng,
            shape=(1, 28, 28),
            class_names=[str(digit) for digit in range(10)],
            official=(60_000, 10_000),
            mean=self.mean,
            std=self.std,
            validation_share=self.validation_share,
            trusted=self.trusted,
            augment=self.augment.active(),
        )
