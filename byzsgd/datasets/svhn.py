"""The dataset `svhn`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from byzsgd.datasets.augmentations import ShiftFlip
from byzsgd.datasets.images import Stored, check_settings, image_data
from byzsgd.datasets.stored import stored
from byzsgd.interfaces import Data, ModelFactory
from byzsgd.sources import noted
from byzsgd.torchvision_compat import import_torchvision

FILES = ["train_32x32.mat", "test_32x32.mat"]


@dataclass(frozen=True, kw_only=True)
class Svhn:
    """73,257 + 26,032 house numbers of 32×32 coloured pixels, 10 classes.

    Netzer, Wang, Coates, Bissacco, Wu, Ng: Reading digits in natural images with unsupervised feature learning (NIPS
    workshop, 2011).
    """

    validation_share: float
    trusted: int
    download: bool
    mean: Sequence[float]
    std: Sequence[float]
    augment: ShiftFlip
    model: ModelFactory

    def __post_init__(self) -> None:
        check_settings("dataset svhn", 3, self.mean, self.std, self.validation_share, self.trusted)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        def fetch(folder: Path) -> None:
            for part in ("train", "test"):
                import_torchvision().datasets.SVHN(folder, split=part, download=True)

        train, test = stored("dataset svhn", root, FILES, self.download, fetch, _read)
        return image_data(
            "dataset svhn",
            train,
            test,
            rng,
            shape=(3, 32, 32),
            class_names=[str(digit) for digit in range(10)],
            official=(73_257, 26_032),
            mean=self.mean,
            std=self.std,
            validation_share=self.validation_share,
            trusted=self.trusted,
            augment=self.augment.active(),
        )


def _read(root: Path) -> tuple[Stored, Stored]:
    train, test = (_read_matlab(root / name) for name in FILES)
    return train, test


def _read_matlab(path: Path) -> Stored:
    from scipy.io import loadmat

    try:
        content = loadmat(noted(path), variable_names=("X", "y"))
        images, labels = content["X"], content["y"].reshape(-1).astype(np.int64)
        return Stored(images.transpose(3, 2, 0, 1), labels % 10)  # the files call the digit 0 class 10
    # A damaged file makes the reader fail in ways of its own: MatReadError, zlib.error, TypeError, …
    except Exception as error:
        raise ValueError(
            f"dataset svhn needs a whole MATLAB file with X and y; got {path} ({type(error).__name__}: {error})"
        ) from error
