"""Images as stored -> splits in memory, checked and normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from byzsgd.checks import require
from byzsgd.datasets.splits import cut, require_shares
from byzsgd.interfaces import Augment, Data, Split


@dataclass(frozen=True)
class Stored:
    """One part of a dataset as its files have it."""

    images: np.ndarray  # (N, C, H, W) bytes
    labels: np.ndarray  # (N,) class numbers


def image_data(
    who: str,
    train: Stored,
    test: Stored,
    rng: np.random.Generator,
    *,
    shape: tuple[int, int, int],
    class_names: Sequence[str],
    official: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    validation_share: float,
    trusted: int,
    augment: Augment | None,
    note: str = "",
) -> Data:
    """Checks shapes and classes, takes `validation_share` and `trusted` examples out of the training data, normalises.

    Checksums are not asked for: re-encoded and reduced sets read too. `official` are the numbers of training and test
    examples of the published set; other numbers put the word "subset" into the note.
    """
    for part, stored in (("train", train), ("test", test)):
        _check(f"{who} ({part})", stored, shape, len(class_names))
    counts = np.bincount(train.labels, minlength=len(class_names))
    require(counts.min() > 0, who, "training examples of every class", without=int((counts == 0).sum()))
    sizes = (len(train.labels), len(test.labels))
    if sizes != official:
        subset = f"subset: {sizes[0]} of {official[0]} training and {sizes[1]} of {official[1]} test examples"
        note = f"{subset}; {note}" if note else subset
    parts = cut(who, sizes[0], {"validation": round(validation_share * sizes[0]), "trusted": trusted}, rng)
    splits = {name: _split(train, mean, std, indices) for name, indices in parts.items()}
    return Data(
        train=splits["train"],
        validation=splits["validation"],
        test=_split(test, mean, std),
        trusted=splits["trusted"],
        num_classes=len(class_names),
        outputs=len(class_names),
        loss="cross_entropy",
        class_names=tuple(class_names),
        note=note,
        augment=augment,
    )


def check_settings(
    who: str, channels: int, mean: Sequence[float], std: Sequence[float], validation_share: float, trusted: int
) -> None:
    """What can be said of an image dataset's settings before its files are read."""
    fits = len(mean) == len(std) == channels and all(scale > 0 for scale in std)
    require(fits, who, f"a mean and a std > 0 for each of {channels} channels", mean=list(mean), std=list(std))
    require_shares(who, validation_share=validation_share)
    require(trusted >= 0, who, "trusted >= 0", trusted=trusted)


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
