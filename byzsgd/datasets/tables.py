"""Datasets in memory without an official split: the splits are drawn at random."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from byzsgd.checks import require
from byzsgd.datasets.splits import ByShares, cut, take
from byzsgd.interfaces import Data, Split


def of_scikit_learn(name: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, features) and (N,) class numbers of a table in scikit-learn's package. It is read without an import of
    scikit-learn, which takes half as long as that of PyTorch."""
    package = find_spec("sklearn")
    require(package is not None and package.origin is not None, f"dataset {name}", "scikit-learn", installed=False)
    assert package is not None and package.origin is not None
    packed, plain = ((Path(package.origin).parent / "datasets" / "data" / f"{name}.csv{end}") for end in (".gz", ""))
    path = packed if packed.exists() else plain
    with gzip.open(path, "rt") if path is packed else path.open() as file:
        table = np.loadtxt(file, delimiter=",", skiprows=0 if path is packed else 1)  # plain files have a heading
    return np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Table(ByShares):
    """The base class of classification datasets without an official split."""

    def data(self, examples: Split, class_names: Sequence[str], rng: np.random.Generator, *, standardise: bool) -> Data:
        shares = {"test_share": self.test_share, "validation_share": self.validation_share}
        splits = drawn_splits(self.who, examples, rng, trusted=self.trusted, **shares)
        if standardise:
            splits = standardised(splits)
        return Data(
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            trusted=splits["trusted"],
            num_classes=len(class_names),
            outputs=len(class_names),
            loss="cross_entropy",
            class_names=tuple(class_names),
        )


def drawn_splits(
    who: str, examples: Split, rng: np.random.Generator, *, test_share: float, validation_share: float, trusted: int
) -> dict[str, Split]:
    """Disjoint splits `train`, `validation`, `test` and `trusted`. The shares are shares of all examples."""
    total = len(examples.targets)
    counts = {"test": round(test_share * total), "validation": round(validation_share * total), "trusted": trusted}
    return {name: take(examples, part) for name, part in cut(who, total, counts, rng).items()}


def standardised(splits: Mapping[str, Split]) -> dict[str, Split]:
    """Every feature with mean 0 and variance 1 on the training data; constant ones become zero."""
    inputs = splits["train"].inputs.double()
    mean, scale = inputs.mean(dim=0), inputs.std(dim=0, correction=0)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return {
        name: Split(((split.inputs.double() - mean) / scale).float(), split.targets, split.groups)
        for name, split in splits.items()
    }
