"""A backdoor: wrong answers on inputs that carry a trigger, right ones elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from byzsgd.attacks.deviation import mean_and_std
from byzsgd.checks import require
from byzsgd.interfaces import Attack, Batch, Knowledge, View
from byzsgd.interfaces.values import derived


@dataclass(frozen=True, kw_only=True)
class Backdoor(Attack):
    """Honest work on data of which a share carries a trigger and the class `target`.

    The trigger sets the last `size` values of every input's last axis to `value`: the right-hand edge of an image, the
    last features of a flat input. `share` of each batch is poisoned, its first examples (batches are drawn at random,
    so these are any). `scale` enlarges what is sent (n/lr replaces the model where nothing defends); z, where given,
    keeps it between mean − z·std and mean + z·std of the visible honest vectors, coordinate by coordinate.

    Its success is the share of triggered examples of other classes that the model takes for `target`:
    `wants(batch)` makes them.

    Gu, Dolan-Gavitt, Garg: BadNets (2017, arXiv 1708.06733); scale: Bagdasaryan, Veit, Hua, Estrin, Shmatikov: How to
    backdoor federated learning (AISTATS 2020, arXiv 1807.00459); z: Baruch, Baruch, Goldberg (NeurIPS 2019,
    arXiv 1902.06156).
    """

    target: int = 0
    share: float = 0.5
    size: int = 4
    value: float = 1.0
    scale: float = 1.0
    z: float | None = None

    def __post_init__(self) -> None:
        require(self.target >= 0, "backdoor", "target >= 0", target=self.target)
        require(0 < self.share <= 1, "backdoor", "0 < share <= 1", share=self.share)
        require(self.size >= 1, "backdoor", "size >= 1", size=self.size)
        require(math.isfinite(self.value), "backdoor", "a finite value", value=self.value)
        require(math.isfinite(self.scale), "backdoor", "a finite scale", scale=self.scale)
        require(self.z is None or 0 <= self.z < math.inf, "backdoor", "0 <= z < inf, or null", z=self.z)

    @derived
    def sees(self) -> Knowledge:
        return "own" if self.z is None else "delivered"

    def triggered(self, batch: Batch) -> Batch:
        """The same examples, all with the trigger; their targets stay the true ones."""
        width = batch.inputs.shape[-1]
        require(self.size <= width, "backdoor", "size <= the last axis of an input", size=self.size, axis=width)
        inputs = batch.inputs.clone()
        inputs[..., -self.size :] = self.value
        return replace(batch, inputs=inputs)

    def wants(self, batch: Batch) -> Batch:
        return replace(self.triggered(batch), targets=torch.full_like(batch.targets, self.target))

    def poison(self, batch: Batch) -> Batch:
        require(
            self.target < batch.num_classes,
            "backdoor",
            "target < num_classes",
            target=self.target,
            num_classes=batch.num_classes,
        )
        axis = batch.targets.dim() - 1
        count = math.ceil(self.share * batch.targets.shape[axis])
        inputs, targets = batch.inputs.clone(), batch.targets.clone()
        marked = self.triggered(batch).inputs
        inputs.narrow(axis, 0, count).copy_(marked.narrow(axis, 0, count))
        targets.narrow(axis, 0, count).fill_(self.target)
        return replace(batch, inputs=inputs, targets=targets)

    def forge(self, view: View) -> Tensor:
        vector = view.own if self.scale == 1 else view.own * self.scale
        if self.z is None or view.honest.shape[0] < 2:
            return vector
        mean, std = mean_and_std(view.honest)
        return torch.clamp(vector, mean - self.z * std, mean + self.z * std)
