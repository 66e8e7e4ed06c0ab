"""Datasets of grey images in four idx files, in torchvision's layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from byzsgd.datasets.images import Stored
from byzsgd.datasets.stored import IMAGES, LABELS, read_idx


def idx_files(folder: str, train: str, test: str) -> list[str]:
    """The names of the files: images and labels of the training part, then of the test part."""
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    return [f"{folder}/{part}-{kind}" for part in (train, test) for kind in kinds]


def read_idx_images(who: str, root: Path, files: Sequence[str]) -> tuple[Stored, Stored]:
    """The training and the test part, from the files of `idx_files`."""
    images, labels, test_images, test_labels = (root / name for name in files)
    return (
        Stored(read_idx(who, images, IMAGES)[:, None], read_idx(who, labels, LABELS)),
        Stored(read_idx(who, test_images, IMAGES)[:, None], read_idx(who, test_labels, LABELS)),
    )
