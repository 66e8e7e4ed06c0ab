"""The problems that the benchmarks time: datasets of the right shape, and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

import byzsgd
from byzsgd.interfaces import Data, Dataset, ModelFactory, Split
from byzsgd.models import kardam_cifar100, kardam_emnist, logistic_regression, mlp
from byzsgd.run import Experiment


@dataclass(frozen=True)
class Synthetic:
    """Random inputs with class numbers: speed does not depend on their content."""

    model: ModelFactory
    shape: tuple[int, ...]
    classes: int
    examples: int = 20_000

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        def split(count: int) -> Split:
            inputs = torch.from_numpy(rng.standard_normal((count, *self.shape), dtype=np.float32))
            return Split(inputs, torch.from_numpy(rng.integers(self.classes, size=count)))

        test, trusted = split(200), split(100)
        return Data(split(self.examples), split(10), test, trusted, self.classes, self.classes, "cross_entropy")


@dataclass(frozen=True)
class Work:
    """One problem, which determines the cost of a gradient."""

    batch_size: int
    dataset: Dataset | None  # None: digits, with its own model


WORKS: Mapping[str, Work] = {
    "digits MLP 64-32-10": Work(32, None),
    "logistic regression 784-10": Work(32, Synthetic(logistic_regression, (784,), 10)),
    "MLP 784-100-10": Work(32, Synthetic(partial(mlp, widths=(100,)), (784,), 10)),
    "EMNIST CNN": Work(100, Synthetic(kardam_emnist, (1, 28, 28), 62, 5_000)),
    "CIFAR-100 CNN": Work(100, Synthetic(kardam_cifar100, (3, 32, 32), 100, 5_000)),
}


def build(work: str, num_workers: int, *overrides: str) -> Experiment:
    """An experiment on a work, evaluated every 3000 arrivals."""
    chosen = WORKS[work]
    settings = (f"num_workers={num_workers}", "num_byzantine=0", f"batch_size={chosen.batch_size}",
                "budget.arrivals=1000000000", "eval_every=3000", *overrides)  # fmt: skip
    built = byzsgd.experiment(*settings)
    return built if chosen.dataset is None else replace(built, dataset=chosen.dataset, model=chosen.dataset.model)


def matching(wanted: str) -> list[str]:
    """The names of works that contain one of these words, separated by commas; empty: all works."""
    words = [word.strip().lower() for word in wanted.split(",") if word.strip()]
    return [name for name in WORKS if not words or any(word in name.lower() for word in words)]
