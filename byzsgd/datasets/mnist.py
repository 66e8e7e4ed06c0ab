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


@dataclass(frozen=True, kw_only=True)
class Mnist(Pictures):
    """60,000 + 10,000 handwritten digits of 28×28 grey pixels, 10 classes.

    LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (Proc. IEEE 86, 1998).
    """

    who: ClassVar[str] = "dataset mnist"
    shape: ClassVar[tuple[int, int, int]] = (1, 28, 28)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        files = idx_files("MNIST/raw", "train", "t10k")

        def fetch(folder: Path) -> None:
            import_torchvision().datasets.MNIST(folder, download=True)

        train, test = stored(
            self.who, root, files, self.download, fetch, lambda at: read_idx_images(self.who, at, files)
        )
        return self.data(train, test, rng, [str(digit) for digit in range(10)], (60_000, 10_000))
