from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from byzsgd.datasets.images import Pictures, Stored
from byzsgd.datasets.stored import read_pickle, stored
from byzsgd.interfaces import Data
from byzsgd.torchvision_compat import import_torchvision

FOLDER = "cifar-10-batches-py"
TRAIN = [f"{FOLDER}/data_batch_{number}" for number in range(1, 6)]
TEST = f"{FOLDER}/test_batch"
META = f"{FOLDER}/batches.meta"


@dataclass(frozen=True, kw_only=True)
class Cifar10(Pictures):
    """50,000 + 10,000 pictures of 32×32 coloured pixels, 10 classes.

    Krizhevsky: Learning multiple layers of features from tiny images (technical report, 2009).
    """

    who: ClassVar[str] = "dataset cifar10"
    shape: ClassVar[tuple[int, int, int]] = (3, 32, 32)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        def fetch(folder: Path) -> None:
            import_torchvision().datasets.CIFAR10(folder, download=True)

        files = [*TRAIN, TEST, META]
        train, test, names = stored(self.who, root, files, self.download, fetch, _read)
        return self.data(train, test, rng, names, (50_000, 10_000))


def _read(root: Path) -> tuple[Stored, Stored, list[str]]:
    who = Cifar10.who
    batches = [read_pickle(who, root / name, "data", "labels") for name in [*TRAIN, TEST]]
    parts = [Stored(np.asarray(data).reshape(-1, 3, 32, 32), np.asarray(labels)) for data, labels in batches]
    train = Stored(
        np.concatenate([part.images for part in parts[:-1]]), np.concatenate([part.labels for part in parts[:-1]])
    )
    return train, parts[-1], read_pickle(who, root / META, "label_names")[0]
