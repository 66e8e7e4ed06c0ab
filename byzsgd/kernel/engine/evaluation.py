"""Losses, and their means over whole splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from byzsgd.interfaces import Batch, Loss, Split
from byzsgd.kernel.engine.flat import FlatModule

CHUNK = 1024  # examples per pass


def mean_loss(output: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """() mean over the examples: cross-entropy; half the squared residual summed over its entries; or the output."""
    if loss == "cross_entropy":
        return functional.cross_entropy(output, targets)
    if loss == "half_squared_error":
        return 0.5 * (output.reshape(targets.shape) - targets).square().sum() / len(targets)
    return output.mean()


def chunks(split: Split, dtype: torch.dtype | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets of a split in pieces; everything real cast to `dtype` where one is given."""
    for inputs, targets in zip(torch.split(split.inputs, CHUNK), torch.split(split.targets, CHUNK), strict=True):
        yield _cast(inputs, dtype), _cast(targets, dtype)


@dataclass(frozen=True)
class Evaluation:
    """What one pass over a split gave."""

    loss: float
    correct: Tensor  # (N,) booleans; empty without classes


def evaluate(flat: FlatModule, split: Split, loss: Loss, dtype: torch.dtype | None = None) -> Evaluation:
    """Mean loss of the loaded parameters over a split, and which examples are classified correctly."""
    total = torch.zeros((), dtype=torch.float64, device=split.targets.device)
    correct: list[Tensor] = []
    with torch.inference_mode():
        for inputs, targets in chunks(split, dtype):
            output = flat.module(inputs)
            total += len(targets) * mean_loss(output, targets, loss).double()
            if loss == "cross_entropy":
                correct.append(output.argmax(dim=1) == targets)
    hits = torch.cat(correct) if correct else torch.empty(0, dtype=torch.bool)
    return Evaluation(float(total) / len(split.targets), hits)


def split_gradient(flat: FlatModule, split: Split, loss: Loss, dtype: torch.dtype | None = None) -> Tensor:
    """(d,) gradient of the mean loss of the loaded parameters over a whole split."""
    total: Tensor | None = None
    for inputs, targets in chunks(split, dtype):
        part = flat.gradient(len(targets) * mean_loss(flat.module(inputs), targets, loss))
        total = part if total is None else total.add_(part)
    if total is None:
        raise ValueError("the gradient of a split needs at least one example; got examples=0")
    return total.div_(len(split.targets))


def spread_of_gradients(
    flat: FlatModule, train: Split, blocks: Sequence[np.ndarray], loss: Loss
) -> tuple[float, float]:
    """(1/n) Σ ‖∇f_i − ∇f‖² and ‖∇f‖² at the loaded parameters, of n data blocks, f = (1/n) Σ f_i."""
    gradients = torch.stack([split_gradient(flat, select(train, block), loss) for block in blocks]).double()
    mean = gradients.mean(dim=0)
    return float((gradients - mean).square().sum(dim=1).mean()), float(mean.square().sum())


def select(split: Split, indices: np.ndarray) -> Split:
    """The examples at these places, in this order."""
    at = torch.from_numpy(np.asarray(indices, dtype=np.int64)).to(split.targets.device)
    return Split(split.inputs.index_select(0, at), split.targets.index_select(0, at))


def attack_success(flat: FlatModule, split: Split, num_classes: int, poison: Callable[[Batch], Batch]) -> float | None:
    """Share of the examples relabelled by `poison` that are classified as it wants; None: it relabels nothing, or
    returns the very batch."""
    hits, relabelled = 0, 0
    with torch.inference_mode():
        for inputs, targets in chunks(split):
            poisoned = poison(batch := Batch(inputs, targets, num_classes))
            if poisoned is batch:
                return None
            triggered = poisoned.targets != targets
            relabelled += int(triggered.sum())
            if bool(triggered.any()):
                predictions = flat.module(poisoned.inputs[triggered]).argmax(dim=1)
                hits += int((predictions == poisoned.targets[triggered]).sum())
    return hits / relabelled if relabelled else None


def _cast(values: Tensor, dtype: torch.dtype | None) -> Tensor:
    return values if dtype is None or not values.is_floating_point() else values.to(dtype)
