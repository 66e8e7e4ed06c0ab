"""Chains of linear layers, and the gradients of many such models at once, written out without autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from byzsgd.interfaces import Loss

aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Activation:
    """An elementwise function and its derivative times δ, which may look at its input or its output."""

    forward: Callable[[Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]  # (δ, input, output)
    in_place: bool  # whether only the output is needed afterwards


ACTIVATIONS: Mapping[type[nn.Module], Activation] = {
    nn.ReLU: Activation(torch.relu_, lambda delta, before, after: aten.threshold_backward(delta, after, 0), True),
    nn.Tanh: Activation(torch.tanh_, lambda delta, before, after: aten.tanh_backward(delta, after), True),
    nn.ELU: Activation(
        nn.functional.elu_, lambda delta, before, after: aten.elu_backward(delta, 1.0, 1.0, 1.0, True, after), True
    ),
    nn.GELU: Activation(
        nn.functional.gelu, lambda delta, before, after: aten.gelu_backward(delta, before), False
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layer:
    """One linear layer as a stretch of the flat vector, and the activation behind it."""

    inputs: int
    outputs: int
    bias: bool
    activation: Activation | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the (outputs, inputs) matrix, and of the (outputs,) vector that may follow it."""
        matrix = self.inputs * self.outputs
        return (matrix, self.outputs) if self.bias else (matrix,)


def chain(module: nn.Module, input_dims: int) -> tuple[Layer, ...] | str:
    """The layers of a chain of nn.Linear and activations, inputs flattened in front where they have several
    dimensions; for anything else what stands in the way."""
    parts = _parts(module)
    if parts and isinstance(parts[0], nn.Flatten) and (parts[0].start_dim, parts[0].end_dim) == (1, -1):
        parts = parts[1:]
    elif input_dims > 1:
        return f"inputs of {input_dims} dimensions"
    layers: list[Layer] = []
    for index, part in enumerate(parts):
        plain = getattr(part, "alpha", 1.0) == 1.0 and getattr(part, "approximate", "none") == "none"
        if plain and type(part) in ACTIVATIONS and index and type(parts[index - 1]) is nn.Linear:
            continue
        if type(part) is not nn.Linear:
            return type(part).__name__
        if not all(parameter.requires_grad for parameter in part.parameters()):
            return "frozen parameters"
        follower = type(parts[index + 1]) if index + 1 < len(parts) else None
        activation = ACTIVATIONS.get(follower) if follower is not None else None
        layers.append(Layer(part.in_features, part.out_features, part.bias is not None, activation))
    if not layers or layers[-1].activation is not None:
        return "an activation at the end" if layers else type(module).__name__
    own = sum(size for layer in layers for size in layer.sizes)
    return tuple(layers) if own == sum(each.numel() for each in module.parameters()) else "shared parameters"


def _parts(module: nn.Module) -> list[nn.Module]:
    """What a module does, in order."""
    if type(module) is not nn.Sequential:
        return [module]
    return [part for child in module for part in _parts(child)]


def gradients(layers: Sequence[Layer], loss: Loss, params: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """(g, d) models (or (1, d): one for all), (g, B, …) inputs and targets -> (g, d) gradients of the mean losses.

    Forward: a_{l+1} = φ(W_l a_l + b_l). Backward: δ_L = (softmax(z) − onehot(y)) / B, or (z − y) / B for half squared
    errors; ∂W_l = δ_l a_lᵀ, ∂b_l = Σ δ_l, δ_{l−1} = (W_lᵀ δ_l) ⊙ φ'. Examples are columns: a softmax over few classes
    is ten times as fast across the columns as along the rows.
    """
    groups, size = inputs.shape[0], inputs.shape[1]
    flat = inputs.reshape(groups, size, -1)
    parts = iter(params.expand(groups, -1).split([length for layer in layers for length in layer.sizes], 1))
    weights: list[Tensor] = []
    seen: list[tuple[Tensor, Tensor, Tensor]] = []  # of each layer: its input, its output before and after φ
    below = flat.transpose(1, 2)
    for layer in layers:
        weight = next(parts).view(groups, layer.outputs, layer.inputs)
        before = torch.baddbmm(next(parts).unsqueeze(2), weight, below) if layer.bias else torch.bmm(weight, below)
        after = before if layer.activation is None else layer.activation.forward(before)
        weights.append(weight)
        seen.append((below, before, after))
        below = after

    if loss == "cross_entropy":
        delta = torch.softmax(below, 1)
        delta.scatter_add_(1, targets.unsqueeze(1), delta.new_full((1, 1, 1), -1.0).expand(groups, 1, size))
    else:
        delta = below - targets.reshape(groups, size, -1).transpose(1, 2)
    delta /= size

    found: list[Tensor] = []  # from the last stretch of the vector to the first
    for index in range(len(layers) - 1, -1, -1):
        layer, (below, before, after) = layers[index], seen[index]
        if layer.activation is not None:
            delta = layer.activation.backward(delta, before, after)
        if layer.bias:
            found.append(delta.sum(2))
        found.append(torch.bmm(delta, below.transpose(1, 2)).view(groups, -1))
        if index:
            delta = torch.bmm(weights[index].transpose(1, 2), delta)
    return torch.cat(found[::-1], 1)
