from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from byzsgd.checks import require
from byzsgd.datasets.idx_images import idx_files, read_idx_images
from byzsgd.datasets.images import Pictures, Stored
from byzsgd.datasets.stored import stored
from byzsgd.interfaces import Data
from byzsgd.torchvision_compat import import_torchvision

ALL = string.digits + string.ascii_uppercase + string.ascii_lowercase
MERGED = "".join(letter for letter in ALL if letter not in "cijklmopsuvwxyz")  # these look like their upper case
# For each split: its classes in order, and its official numbers of training and test examples.
SPLITS: dict[str, tuple[str, tuple[int, int]]] = {
    "byclass": (ALL, (697_932, 116_323)),
    "bymerge": (MERGED, (697_932, 116_323)),
    "balanced": (MERGED, (112_800, 18_800)),
    "letters": (string.ascii_lowercase, (124_800, 20_800)),
    "digits": (string.digits, (240_000, 40_000)),
    "mnist": (string.digits, (60_000, 10_000)),
}


@dataclass(frozen=True, kw_only=True)
class Emnist(Pictures):
    """Handwritten digits and letters of 28×28 grey pixels; `split` byclass (62 classes), bymerge, balanced, letters, …

    Cohen, Afshar, Tapson, van Schaik: EMNIST: an extension of MNIST to handwritten letters (2017), arXiv:1702.05373.

    Kardam's experiments use byclass. Images are turned upright (the files hold them transposed) and the letters split
    counts its classes from 0 (the files from 1).
    """

    who: ClassVar[str] = "dataset emnist"
    shape: ClassVar[tuple[int, int, int]] = (1, 28, 28)

    split: Literal["byclass", "bymerge", "balanced", "letters", "digits", "mnist"]

    def __post_init__(self) -> None:
        require(self.split in SPLITS, "dataset emnist", f"split one of {', '.join(SPLITS)}", split=self.split)
        super().__post_init__()

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        files = idx_files("EMNIST/raw", f"emnist-{self.split}-train", f"emnist-{self.split}-test")

        def fetch(folder: Path) -> None:
            import_torchvision().datasets.EMNIST(folder, split=self.split, download=True)

        train, test = stored(
            self.who, root, files, self.download, fetch, lambda at: read_idx_images(self.who, at, files)
        )
        names, official = SPLITS[self.split]
        return self.data(self._upright(train), self._upright(test), rng, names, official)

    def _upright(self, part: Stored) -> Stored:
        first = 1 if self.split == "letters" else 0
        return Stored(part.images.swapaxes(2, 3), part.labels.astype(np.int64) - first)
