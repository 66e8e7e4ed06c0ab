"""The engine `fused`: many gradients of a linear or MLP model in a few batched matrix products, without autograd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from byzsgd.interfaces import Attack, Batch, BatchKey, Gradients, LocalSteps, Loss, Task
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.problem import SupervisedProblem


@dataclass(frozen=True, slots=True)
class Layer:
    """One linear layer as a stretch of the flat vector, and whether a ReLU follows it."""

    weight: int  # offset of the (outputs, inputs) matrix
    bias: int | None  # offset of the (outputs,) vector
    inputs: int
    outputs: int
    relu: bool

    @property
    def end(self) -> int:
        return self.weight + self.inputs * self.outputs


def layers_of(module: nn.Module) -> tuple[Layer, ...] | None:
    """The layers of a chain of nn.Linear with nn.ReLU between (nn.Flatten in front allowed); None for anything else."""
    chain = [part for part in module.modules() if not isinstance(part, nn.Sequential)]
    if not isinstance(module, nn.Sequential | nn.Linear) or not chain:
        return None
    if isinstance(chain[0], nn.Flatten):
        chain = chain[1:]
    layers: list[Layer] = []
    offset = 0
    for index, part in enumerate(chain):
        if type(part) is nn.ReLU:
            if index == 0 or not isinstance(chain[index - 1], nn.Linear) or index == len(chain) - 1:
                return None
            continue
        if type(part) is not nn.Linear:
            return None
        size = part.in_features * part.out_features
        relu = index + 1 < len(chain) and type(chain[index + 1]) is nn.ReLU
        bias = None if part.bias is None else offset + size
        layers.append(Layer(offset, bias, part.in_features, part.out_features, relu))
        offset += size + (0 if part.bias is None else part.out_features)
    return tuple(layers) or None


def gradients(layers: Sequence[Layer], loss: Loss, params: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """(g, d) models (or (1, d): one for all), (g, B, …) inputs and targets -> (g, d) gradients of the mean losses.

    Forward: a_{l+1} = relu(a_l W_lᵀ + b_l). Backward: δ_L = (softmax(z) − onehot(y)) / B, or (z − y) / B for half
    squared errors; ∂W_l = δ_lᵀ a_l, ∂b_l = Σ δ_l, δ_{l−1} = (δ_l W_l) ⊙ [a_l > 0].
    """
    groups, size = inputs.shape[0], inputs.shape[1]
    activations = [inputs.reshape(groups, size, -1)]
    weights: list[Tensor] = []
    for layer in layers:
        weight = params[:, layer.weight : layer.end].view(-1, layer.outputs, layer.inputs)
        weight = weight.expand(groups, -1, -1)
        weights.append(weight)
        if layer.bias is None:
            out = torch.bmm(activations[-1], weight.transpose(1, 2))
        else:
            bias = params[:, layer.bias : layer.bias + layer.outputs].unsqueeze(1)
            out = torch.baddbmm(bias, activations[-1], weight.transpose(1, 2))
        activations.append(out.relu_() if layer.relu else out)

    out = activations.pop()
    if loss == "cross_entropy":
        delta = torch.softmax(out, -1)
        delta.scatter_add_(2, targets.unsqueeze(2), delta.new_full((1, 1, 1), -1.0).expand(groups, size, 1))
    else:
        delta = out - targets.reshape(out.shape)
    delta /= size

    result = params.new_empty((groups, params.shape[1]))
    for index in range(len(layers) - 1, -1, -1):
        layer, below = layers[index], activations[index]
        result[:, layer.weight : layer.end].view(groups, layer.outputs, layer.inputs).copy_(
            torch.bmm(delta.transpose(1, 2), below)
        )
        if layer.bias is not None:
            torch.sum(delta, 1, out=result[:, layer.bias : layer.bias + layer.outputs])
        if index:
            delta = torch.bmm(delta, weights[index])
            if layers[index - 1].relu:
                delta = torch.ops.aten.threshold_backward(delta, below, 0)
    return result


@dataclass(frozen=True)
class Fused:
    """Computes the gradients of many jobs at once. For chains of linear layers and ReLUs with cross-entropy or half
    squared error."""

    problem: SupervisedProblem
    batches: Batches
    poisons: Mapping[int, Attack]
    layers: tuple[Layer, ...]
    loss: Loss
    group: int
    ahead: int
    name: str = "fused"

    def results(self, tasks: Sequence[Task]) -> list[Tensor]:
        results: list[Tensor | None] = [None] * len(tasks)
        places: list[tuple[int, int]] = []
        models: list[Tensor] = []
        keys: list[tuple[int, BatchKey]] = []
        for index, task in enumerate(tasks):
            if isinstance(task.work, LocalSteps):
                results[index] = self._steps(task, task.work)
                continue
            places.append((index, len(models)))
            models.extend(task.params)
            keys.extend((task.job.worker, key) for _, key in task.work.requests)
        if models:
            rows = self._gradients(models, keys)
            for (index, start), task in zip(places, [tasks[index] for index, _ in places], strict=True):
                assert isinstance(task.work, Gradients)
                results[index] = rows[start : start + len(task.work.requests)]
        return [result for result in results if result is not None]

    def _gradients(self, models: Sequence[Tensor], keys: Sequence[tuple[int, BatchKey]]) -> Tensor:
        # Rounds read one version: its weights then serve all jobs without a copy.
        shared = all(model is models[0] for model in models)
        params = models[0].unsqueeze(0) if shared else torch.stack(list(models))
        batch = self._batch(keys)
        return gradients(self.layers, self.loss, params, batch.inputs, batch.targets)

    def _batch(self, keys: Sequence[tuple[int, BatchKey]]) -> Batch:
        batch = self.batches.batches([key for _, key in keys])
        for row, (worker, _) in enumerate(keys):
            attack = self.poisons.get(worker)
            if attack is None:
                continue
            own = Batch(batch.inputs[row], batch.targets[row], batch.num_classes)
            poisoned = attack.poison(own)
            if poisoned is not own:
                batch.inputs[row] = poisoned.inputs
                batch.targets[row] = poisoned.targets
        return batch

    def _steps(self, task: Task, work: LocalSteps) -> Tensor:
        start = task.params[0]
        params = start.clone()
        for key in work.batches:
            params.sub_(self._gradients([params], [(task.job.worker, key)])[0], alpha=work.lr)
        return (start - params).unsqueeze(0)
