from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from byzsgd.datasets.idx_images import idx_files, read_idx_images
from byzsgd.datasets.images import Pictures
from byzsgd.datasets.stored import stored
from byzsgd.interfaces import Data
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
class FashionMnist(Pictures):
    """60,000 + 10,000 pictures of clothes of 28×28 grey pixels, 10 classes.

    Xiao, Rasul, Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms (2017),
    arXiv:1708.07747.
    """

    who: ClassVar[str] = "dataset fashion_mnist"
    shape: ClassVar[tuple[int, int, int]] = (1, 28, 28)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        files = idx_files("FashionMNIST/raw", "train", "t10k")

        def fetch(folder: Path) -> None:
            import_torchvision().datasets.FashionMNIST(folder, download=True)

        train, test = stored(
            self.who, root, files, self.download, fetch, lambda at: read_idx_images(self.who, at, files)
        )
        return self.data(train, test, rng, CLASSES, (60_000, 10_000))
