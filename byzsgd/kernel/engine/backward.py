"""The gradients of many chains of linear layers at once, written out without autograd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.interfaces import Batch, Loss
from byzsgd.kernel.engine.layers import Activation, Layer
from byzsgd.kernel.memory import joined


@dataclass(frozen=True, slots=True)
class _Stage:
    """One layer of g models: views of the memory that all calls share."""

    weight: Tensor  # (g, outputs, inputs)
    weight_t: Tensor
    bias: Tensor | None  # (g, outputs, 1)
    activation: Activation | None
    before: Tensor  # (g, outputs, B) in front of the activation, and behind it where that works in place
    weight_gradient: Tensor  # (g, outputs, inputs)
    bias_gradient: Tensor | None  # (g, outputs)
    delta: Tensor  # (g, outputs, B)


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that a call of g models needs, apart from its data."""

    models: Tensor  # (g, d), or (1, d): one for all
    stages: tuple[_Stage, ...]
    gradients: tuple[tuple[Tensor, ...], ...]  # g times: the (1, …) parts of a gradient, in the order of the vector
    minus_one: Tensor  # (g, 1, B)


class Backward:
    """The gradients of the mean losses of g models, each on its own batch.

    Forward: a_{l+1} = φ(W_l a_l + b_l). Backward: δ_L = (softmax(z) − onehot(y)) / B, or (z − y) / B for half squared
    errors; ∂W_l = δ_l a_lᵀ, ∂b_l = Σ δ_l, δ_{l−1} = (W_lᵀ δ_l) ⊙ φ'. Examples are columns: a softmax over few classes
    is ten times as fast across the columns as along the rows.

    Small models cost more in Python and in fresh memory than in products, so the memory, and every view of it, is made
    once for each g <= `group`. Every layer has its own, since a batched product into a part of a row falls apart into g
    single ones.
    """

    def __init__(self, layers: Sequence[Layer], loss: Loss, group: int) -> None:
        self._layers, self._loss, self._group = tuple(layers), loss, group
        self._size = sum(sum(layer.sizes) for layer in layers)
        self._scenes: dict[tuple[int, bool], _Scene] = {}
        self._memory: dict[str, Tensor] = {}
        self._columns: dict[int, tuple[Batch, Tensor, Tensor]] = {}  # g -> the last batch of g, and views of it

    def __call__(self, models: Sequence[Tensor], batch: Batch) -> list[Tensor]:
        """g models (d,), or one for all; (g, B, …) inputs and targets -> g times (1, d), each in memory of its own."""
        groups, size = batch.inputs.shape[:2]
        below, targets = self._as_columns(batch)
        shared = len(models) == 1
        scene = self._scenes.get((groups, shared))
        if scene is None or scene.minus_one.shape[2] != size:
            scene = self._scenes[groups, shared] = self._scene(groups, shared, size, models[0])
        if shared:
            scene.models.copy_(models[0])
        else:
            torch.stack(models, out=scene.models)  # type: ignore[arg-type]
        seen = self._forward(scene, below)
        self._loss_gradient(scene, targets)
        self._backward(scene, seen)
        return [joined(parts, self._size) for parts in scene.gradients]

    def _as_columns(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(g, inputs, B), and (g, 1, B) class numbers or (g, outputs, B) targets."""
        groups, size = batch.inputs.shape[:2]
        known = self._columns.get(groups)
        if known is None or known[0] is not batch:  # batches mostly come in the same memory
            inputs = batch.inputs.reshape(groups, size, -1).transpose(1, 2)
            known = self._columns[groups] = (batch, inputs, batch.targets.reshape(groups, size, -1).transpose(1, 2))
        return known[1], known[2]

    def _forward(self, scene: _Scene, below: Tensor) -> list[Tensor]:
        """What every layer saw, and behind the last the outputs."""
        seen = [below]
        for stage in scene.stages:
            if stage.bias is None:
                torch.bmm(stage.weight, below, out=stage.before)
            else:
                torch.baddbmm(stage.bias, stage.weight, below, out=stage.before)
            below = stage.before if stage.activation is None else stage.activation.forward(stage.before)
            seen.append(below)
        return seen

    def _loss_gradient(self, scene: _Scene, targets: Tensor) -> None:
        outputs, delta = scene.stages[-1].before, scene.stages[-1].delta
        if self._loss == "cross_entropy":
            torch.softmax(outputs, 1, out=delta)
            delta.scatter_add_(1, targets, scene.minus_one)
        else:
            torch.sub(outputs, targets, out=delta)
        delta.div_(delta.shape[2])

    def _backward(self, scene: _Scene, seen: Sequence[Tensor]) -> None:
        above: _Stage | None = None
        for number in range(len(scene.stages) - 1, -1, -1):
            stage = scene.stages[number]
            if above is not None:
                torch.bmm(above.weight_t, above.delta, out=stage.delta)
                if stage.activation is not None:
                    stage.activation.backward(stage.delta, stage.before, seen[number + 1])
            if stage.bias_gradient is not None:
                torch.sum(stage.delta, 2, out=stage.bias_gradient)
            torch.bmm(stage.delta, seen[number].transpose(1, 2), out=stage.weight_gradient)
            above = stage

    def _scene(self, groups: int, shared: bool, size: int, like: Tensor) -> _Scene:
        models = self._part("models", (1 if shared else groups, like.numel()), like)
        stages = []
        parts: list[Tensor] = []  # (g, …), in the order of the vector
        begin = 0
        for number, layer in enumerate(self._layers):
            shape = (groups, layer.outputs, layer.inputs)
            matrix, begin = slice(begin, begin + layer.outputs * layer.inputs), begin + sum(layer.sizes)
            weight = models[:, matrix].view(-1, *shape[1:]).expand(shape)
            bias = models[:, matrix.stop : begin].unsqueeze(2).expand(groups, -1, -1) if layer.bias else None
            found = [self._part(f"gradient {number}", shape, like)]
            if layer.bias:
                found.append(self._part(f"bias gradient {number}", shape[:2], like))
            parts += found
            stages.append(
                _Stage(
                    weight=weight,
                    weight_t=weight.transpose(1, 2),
                    bias=bias,
                    activation=layer.activation,
                    before=self._part(f"before {number}", (groups, layer.outputs, size), like),
                    weight_gradient=found[0],
                    bias_gradient=found[1] if layer.bias else None,
                    delta=self._part(f"delta {number}", (groups, layer.outputs, size), like),
                )
            )
        minus_one = like.new_full((1, 1, 1), -1.0).expand(groups, 1, size)
        gradients = zip(*(part.view(groups, 1, -1).unbind() for part in parts), strict=True)
        return _Scene(models, tuple(stages), tuple(gradients), minus_one)

    def _part(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """The first rows of memory for the largest call."""
        memory = self._memory.get(name)
        if memory is None or memory.shape[1:] != shape[1:]:
            memory = self._memory[name] = like.new_empty((self._group, *shape[1:]))
        return memory[: shape[0]]
