"""The problem: data, models, and both together as a function of the flat parameter vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from torch import Tensor, nn

from byzsgd.interfaces.worker import Batch


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Examples in memory, on the run's device."""

    inputs: Tensor  # (N, …)
    targets: Tensor  # (N,) class numbers, or (N, …) real targets
    groups: Tensor | None = None  # (N,) natural owner of each example (a writer), where the data say so


Loss = Literal["cross_entropy", "half_squared_error", "output"]  # "output": the model's output is the loss itself


class Augment(Protocol):
    """(B, …) inputs of a drawn batch -> their altered copy, on the device they are on."""

    def __call__(self, inputs: Tensor, rng: np.random.Generator, /) -> Tensor: ...


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A loaded dataset. The four splits are disjoint; `trusted` is the clean data that a server may have."""

    train: Split
    validation: Split
    test: Split
    trusted: Split
    num_classes: int  # 0: regression
    outputs: int  # width of the model's output layer
    loss: Loss
    class_names: tuple[str, ...] = ()
    note: str = ""  # what the record should say of the data, e.g. "subset"
    augment: Augment | None = None  # of training batches
    optimum: Tensor | None = None  # (d,) a known minimiser of the train loss of the dataset's own model
    smoothness: float | None = None  # L of the train loss, where known
    strong_convexity: float | None = None  # μ


class ModelFactory(Protocol):
    """(shape of one input, outputs) -> module; initialised from torch's global generator, which the caller has forked
    and seeded."""

    def __call__(self, input_shape: tuple[int, ...], outputs: int, /) -> nn.Module: ...


class Dataset(Protocol):
    """Frozen settings of a dataset; loading happens in `run`, never when it is built."""

    @property
    def model(self) -> ModelFactory:
        """What `model=default` stands for."""

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        """Reads, checks and splits, on the CPU. `root` is `data_root`; ValueError names a missing or wrong file."""


class Partition(Protocol):
    """(train split, n, generator) -> n index arrays, disjoint, together all examples."""

    def __call__(self, split: Split, num_workers: int, rng: np.random.Generator, /) -> Sequence[np.ndarray]: ...


class Problem(Protocol):
    """Dataset and model together, as a function of the flat parameter vector."""

    @property
    def num_parameters(self) -> int: ...

    @property
    def layers(self) -> tuple[int, ...]:
        """Sizes of the model's parameter tensors in the order of the flat vector."""

    @property
    def optimum(self) -> Tensor | None:
        """(d,) a known minimiser of the train loss, where there is one."""

    def initial(self, rng: np.random.Generator) -> Tensor:
        """(d,) a fresh starting point."""

    def loss(self, params: Tensor, batch: Batch) -> Tensor:
        """() mean loss."""

    def gradient(self, params: Tensor, batch: Batch) -> Tensor:
        """(d,) of the mean loss, in new memory."""

    def evaluate(self, params: Tensor) -> dict[str, float]:
        """Metrics of the whole splits: train_loss, test_loss, test_accuracy and what the problem offers."""
