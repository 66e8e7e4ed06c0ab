from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from byzsgd.datasets.images import Pictures, Stored
from byzsgd.datasets.stored import stored
from byzsgd.interfaces import Data
from byzsgd.sources import noted
from byzsgd.torchvision_compat import import_torchvision

FILES = ["train_32x32.mat", "test_32x32.mat"]


@dataclass(frozen=True, kw_only=True)
class Svhn(Pictures):
    """73,257 + 26,032 house numbers of 32×32 coloured pixels, 10 classes.

    Netzer, Wang, Coates, Bissacco, Wu, Ng: Reading digits in natural images with unsupervised feature learning (NIPS
    workshop, 2011).
    """

    who: ClassVar[str] = "dataset svhn"
    shape: ClassVar[tuple[int, int, int]] = (3, 32, 32)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        def fetch(folder: Path) -> None:
            for part in ("train", "test"):
                import_torchvision().datasets.SVHN(folder, split=part, download=True)

        train, test = stored(self.who, root, FILES, self.download, fetch, _read)
        return self.data(train, test, rng, [str(digit) for digit in range(10)], (73_257, 26_032))


def _read(root: Path) -> tuple[Stored, Stored]:
    train, test = (_read_matlab(root / name) for name in FILES)
    return train, test


def _read_matlab(path: Path) -> Stored:
    from scipy.io import loadmat

    try:
        content = loadmat(noted(path), variable_names=("X", "y"))
        images, labels = content["X"], content["y"].reshape(-1).astype(np.int64)
        return Stored(images.transpose(3, 2, 0, 1), labels % 10)  # the files call the digit 0 class 10
    # On a damaged file the reader raises various errors: MatReadError, zlib.error, TypeError, …
    except Exception as error:
        raise ValueError(
            f"dataset svhn needs a whole MATLAB file with X and y; got {path} ({type(error).__name__}: {error})"
        ) from error
