from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from byzsgd.datasets.images import Pictures, Stored
from byzsgd.datasets.stored import read_pickle, stored
from byzsgd.interfaces import Data
from byzsgd.torchvision_compat import import_torchvision

FILES = [f"cifar-100-python/{name}" for name in ("train", "test", "meta")]


@dataclass(frozen=True, kw_only=True)
class Cifar100(Pictures):
    """50,000 + 10,000 pictures of 32×32 coloured pixels, 100 classes.

    Krizhevsky: Learning multiple layers of features from tiny images (technical report, 2009).
    """

    who: ClassVar[str] = "dataset cifar100"
    shape: ClassVar[tuple[int, int, int]] = (3, 32, 32)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        def fetch(folder: Path) -> None:
            import_torchvision().datasets.CIFAR100(folder, download=True)

        train, test, names = stored(self.who, root, FILES, self.download, fetch, _read)
        return self.data(train, test, rng, names, (50_000, 10_000))


def _read(root: Path) -> tuple[Stored, Stored, list[str]]:
    who = Cifar100.who
    train, test = (read_pickle(who, root / name, "data", "fine_labels") for name in FILES[:2])
    parts = [Stored(np.asarray(data).reshape(-1, 3, 32, 32), np.asarray(labels)) for data, labels in (train, test)]
    return parts[0], parts[1], read_pickle(who, root / FILES[2], "fine_label_names")[0]
