"""The gradients of many chains of linear layers at once, written out without autograd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.interfaces import Batch, Loss
from byzsgd.kernel.copies import fresh, large
from byzsgd.kernel.engine.layers import Layer


@dataclass(frozen=True, slots=True)
class _Parameters:
    """Of one layer of g models, or of their gradients."""

    weight: Tensor  # (g, outputs, inputs)
    bias: Tensor | None  # (g, outputs, 1)


@dataclass(frozen=True, slots=True)
class _Stage:
    """What one layer needs beside its parameters."""

    layer: Layer
    before: Tensor  # (g, outputs, B) in front of the activation, and behind it where that works in place
    delta: Tensor  # (g, outputs, B)


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that a call of g models needs, apart from its data."""

    stages: tuple[_Stage, ...]
    minus_one: Tensor  # (g, 1, B)


@dataclass(frozen=True, slots=True)
class _Stack:
    """The memory in which g small models and their gradients lie side by side."""

    models: Tensor  # (g, d), or (1, d): one for all
    parameters: tuple[_Parameters, ...]
    by_layer: tuple[_Parameters, ...]  # the gradients
    gradients: tuple[tuple[Tensor, ...], ...]  # g times: the (1, …) parts of a gradient, in the order of the vector


class Backward:
    """The gradients of the mean losses of g models, each on its own batch.

    Forward: a_{l+1} = φ(W_l a_l + b_l). Backward: δ_L = (softmax(z) − onehot(y)) / B, or (z − y) / B for half squared
    errors; ∂W_l = δ_l a_lᵀ, ∂b_l = Σ δ_l, δ_{l−1} = (W_lᵀ δ_l) ⊙ φ'. Examples are columns: a softmax over few classes
    is ten times as fast across the columns as along the rows.

    Small models cost more in Python and in fresh memory than in products. So they are stacked and share every call, in
    memory whose views are made once for each g <= `group`. Every layer has memory of its own, since a batched product
    into a part of a row falls apart into g single ones. Models that are large for a CPU are read where they are and
    their gradients written where they stay, one after another: there a copy costs more than the calls.
    """

    def __init__(self, layers: Sequence[Layer], loss: Loss, group: int) -> None:
        self._layers, self._loss, self._group = tuple(layers), loss, group
        self._sizes = [size for layer in layers for size in layer.sizes]
        self._size = sum(self._sizes)
        self._scenes: dict[int, _Scene] = {}
        self._stacks: dict[tuple[int, bool], _Stack] = {}
        self._memory: dict[str, Tensor] = {}
        self._columns: dict[int, tuple[Batch, Tensor, Tensor]] = {}  # g -> the last batch of g, and views of it

    def __call__(self, models: Sequence[Tensor], batch: Batch) -> list[Tensor]:
        """g models (d,), or one for all; (g, B, …) inputs and targets -> g times (1, d), each in memory of its own."""
        inputs, targets = self._as_columns(batch)
        if large(models[0], self._size):
            ones = [1] * len(inputs)
            each = [self._read(model) for model in models]
            if len(each) == 1:
                each *= len(ones)
            apart = zip(each, inputs.split_with_sizes(ones), targets.split_with_sizes(ones), strict=True)
            return [self._alone(*one) for one in apart]
        return self._together(models, inputs, targets)

    def _read(self, model: Tensor) -> list[_Parameters]:
        """One model (d,), where it is."""
        return self._by_layer(model.unsqueeze(0).split_with_sizes(self._sizes, 1), 1)

    def _alone(self, parameters: Sequence[_Parameters], inputs: Tensor, targets: Tensor) -> Tensor:
        """(1, inputs, B), (1, …, B) -> (1, d)"""
        gradient = fresh(inputs, (1, self._size))
        gradients = self._by_layer(gradient.split_with_sizes(self._sizes, 1), 1)
        self._differentiate(self._scene(1, inputs), parameters, gradients, inputs, targets)
        return gradient

    def _together(self, models: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> list[Tensor]:
        stack = self._stack(len(inputs), len(models) == 1, models[0])
        if len(models) == 1:
            stack.models.copy_(models[0])
        else:
            torch.stack(models, out=stack.models)  # type: ignore[arg-type]
        self._differentiate(self._scene(len(inputs), inputs), stack.parameters, stack.by_layer, inputs, targets)
        return [torch.cat(parts, 1) for parts in stack.gradients]

    def _differentiate(
        self,
        scene: _Scene,
        parameters: Sequence[_Parameters],
        gradients: Sequence[_Parameters],
        inputs: Tensor,
        targets: Tensor,
    ) -> None:
        """Writes the gradients at `parameters` into `gradients`."""
        activations = self._forward(scene.stages, parameters, inputs)
        self._loss_gradient(scene, targets)
        self._backward(scene.stages, parameters, gradients, activations)

    def _forward(self, stages: Sequence[_Stage], parameters: Sequence[_Parameters], below: Tensor) -> list[Tensor]:
        """What every layer saw, and behind the last the outputs."""
        activations = [below]
        for stage, own in zip(stages, parameters, strict=True):
            if own.bias is None:
                torch.bmm(own.weight, below, out=stage.before)
            else:
                torch.baddbmm(own.bias, own.weight, below, out=stage.before)
            activation = stage.layer.activation
            below = stage.before if activation is None else activation.forward(stage.before)
            activations.append(below)
        return activations

    def _loss_gradient(self, scene: _Scene, targets: Tensor) -> None:
        outputs, delta = scene.stages[-1].before, scene.stages[-1].delta
        if self._loss == "cross_entropy":
            torch.softmax(outputs, 1, out=delta)
            delta.scatter_add_(1, targets, scene.minus_one)
        else:
            torch.sub(outputs, targets, out=delta)
        delta.div_(delta.shape[2])

    def _backward(
        self,
        stages: Sequence[_Stage],
        parameters: Sequence[_Parameters],
        gradients: Sequence[_Parameters],
        activations: Sequence[Tensor],
    ) -> None:
        for number in range(len(stages) - 1, -1, -1):
            stage, gradient = stages[number], gradients[number]
            if number + 1 < len(stages):
                torch.bmm(parameters[number + 1].weight.transpose(1, 2), stages[number + 1].delta, out=stage.delta)
                if stage.layer.activation is not None:
                    stage.layer.activation.backward(stage.delta, stage.before, activations[number + 1])
            if gradient.bias is not None:
                torch.sum(stage.delta, 2, keepdim=True, out=gradient.bias)
            torch.bmm(stage.delta, activations[number].transpose(1, 2), out=gradient.weight)

    def _as_columns(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(g, inputs, B), and (g, 1, B) class numbers or (g, outputs, B) targets."""
        groups, size = batch.inputs.shape[:2]
        columns = self._columns.get(groups)
        if columns is None or columns[0] is not batch:  # batches mostly come in the same memory
            inputs = batch.inputs.reshape(groups, size, -1).transpose(1, 2)
            columns = self._columns[groups] = (batch, inputs, batch.targets.reshape(groups, size, -1).transpose(1, 2))
        return columns[1], columns[2]

    def _by_layer(self, parts: Sequence[Tensor], groups: int) -> list[_Parameters]:
        """(g, …) parts in the order of the vector, by layer."""
        rest = iter(parts)
        return [
            _Parameters(
                next(rest).view(groups, layer.outputs, layer.inputs),
                next(rest).view(groups, layer.outputs, 1) if layer.bias else None,
            )
            for layer in self._layers
        ]

    def _scene(self, groups: int, inputs: Tensor) -> _Scene:
        size = inputs.shape[2]
        scene = self._scenes.get(groups)
        if scene is None or scene.minus_one.shape[2] != size:
            stages = []
            for number, layer in enumerate(self._layers):
                shape = (groups, layer.outputs, size)
                before, delta = (self._part(f"{what} {number}", shape, inputs) for what in ("before", "delta"))
                stages.append(_Stage(layer, before, delta))
            minus_one = inputs.new_full((1, 1, 1), -1.0).expand(groups, 1, size)
            scene = self._scenes[groups] = _Scene(tuple(stages), minus_one)
        return scene

    def _stack(self, groups: int, shared: bool, like: Tensor) -> _Stack:
        stack = self._stacks.get((groups, shared))
        if stack is None:
            models = self._part("models", (1 if shared else groups, self._size), like)
            every = [part.expand(groups, -1) for part in models.split_with_sizes(self._sizes, 1)]
            parts = [self._part(f"part {number}", (groups, size), like) for number, size in enumerate(self._sizes)]
            gradients = zip(*(part.unsqueeze(1).unbind() for part in parts), strict=True)
            stack = self._stacks[groups, shared] = _Stack(
                models, tuple(self._by_layer(every, groups)), tuple(self._by_layer(parts, groups)), tuple(gradients)
            )
        return stack

    def _part(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """The first rows of memory for the largest call."""
        memory = self._memory.get(name)
        if memory is None or memory.shape[1:] != shape[1:]:
            memory = self._memory[name] = like.new_empty((self._group, *shape[1:]))
        return memory[: shape[0]]
