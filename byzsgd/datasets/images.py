"""Stored images become splits in memory, checked and normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from byzsgd.checks import require
from byzsgd.datasets.augmentations import ShiftFlip
from byzsgd.datasets.splits import cut, require_shares
from byzsgd.interfaces import Data, ModelFactory, Split


@dataclass(frozen=True)
class Stored:
    """One part of a dataset, as its files store it."""

    images: np.ndarray  # (N, C, H, W) bytes
    labels: np.ndarray  # (N,) class numbers


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The base class of the datasets of images with an official test split."""

    who: ClassVar[str]  # the name in messages
    shape: ClassVar[tuple[int, int, int]]  # channels, height and width of one image

    validation_share: float
    trusted: int
    download: bool
    mean: Sequence[float]
    std: Sequence[float]
    augment: ShiftFlip
    model: ModelFactory

    def __post_init__(self) -> None:
        fits = len(self.mean) == len(self.std) == self.shape[0] and all(scale > 0 for scale in self.std)
        needs = f"a mean and a std > 0 for each of {self.shape[0]} channels"
        require(fits, self.who, needs, mean=list(self.mean), std=list(self.std))
        require_shares(self.who, validation_share=self.validation_share, trusted=self.trusted)

    def data(
        self,
        train: Stored,
        test: Stored,
        rng: np.random.Generator,
        class_names: Sequence[str],
        official: tuple[int, int],
    ) -> Data:
        """Checks shapes and classes, splits off validation and trusted examples from the training data, and normalises.

        Checksums are not required, so re-encoded and reduced sets can be read too. `official`: the numbers of training
        and test examples of the published set. With other numbers the note calls the data a subset.
        """
        for part, stored in (("train", train), ("test", test)):
            _check(f"{self.who} ({part})", stored, self.shape, len(class_names))
        counts = np.bincount(train.labels, minlength=len(class_names))
        require(counts.min() > 0, self.who, "training examples of every class", without=int((counts == 0).sum()))
        sizes = (len(train.labels), len(test.labels))
        subset = f"subset: {sizes[0]} of {official[0]} training and {sizes[1]} of {official[1]} test examples"
        taken = {"validation": round(self.validation_share * sizes[0]), "trusted": self.trusted}
        parts = cut(self.who, sizes[0], taken, rng)
        splits = {name: _split(train, self.mean, self.std, indices) for name, indices in parts.items()}
        return Data(
            train=splits["train"],
            validation=splits["validation"],
            test=_split(test, self.mean, self.std),
            trusted=splits["trusted"],
            num_classes=len(class_names),
            outputs=len(class_names),
            loss="cross_entropy",
            class_names=tuple(class_names),
            note="" if sizes == official else subset,
            augment=self.augment.active(),
        )


def _check(who: str, stored: Stored, shape: tuple[int, int, int], classes: int) -> None:
    images, labels = stored.images, stored.labels
    require(
        images.shape[1:] == shape and len(images) == len(labels) > 0,
        who,
        f"as many labels as images of shape {shape}",
        images=images.shape,
        labels=labels.shape,
    )
    low, high = int(labels.min()), int(labels.max())
    require(low >= 0 and high < classes, who, f"labels in 0 … {classes - 1}", least=low, greatest=high)


def _split(stored: Stored, mean: Sequence[float], std: Sequence[float], indices: np.ndarray | None = None) -> Split:
    images = stored.images if indices is None else stored.images[indices]
    labels = stored.labels if indices is None else stored.labels[indices]
    inputs = torch.from_numpy(np.ascontiguousarray(images)).to(torch.float32).div_(255.0)
    centre, scale = (torch.tensor(list(values)).view(1, -1, 1, 1) for values in (mean, std))
    return Split(inputs.sub_(centre).div_(scale), torch.from_numpy(labels.astype(np.int64)))
