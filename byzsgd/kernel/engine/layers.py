"""Chains of linear layers and activations: what the engine `fused` can treat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Activation:
    """An elementwise function, and its derivative times δ, written into δ; it may look at the input or the output."""

    name: str
    forward: Callable[[Tensor], Tensor]  # in place, unless `backward` needs the input
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]  # (δ, input, output)


ACTIVATIONS: Mapping[type[nn.Module], Activation] = {
    nn.ReLU: Activation(
        "relu",
        torch.relu_,
        lambda delta, before, after: aten.threshold_backward.grad_input(delta, after, 0, grad_input=delta),
    ),
    nn.Tanh: Activation(
        "tanh", torch.tanh_, lambda delta, before, after: aten.tanh_backward.grad_input(delta, after, grad_input=delta)
    ),
    nn.ELU: Activation(
        "elu",
        nn.functional.elu_,
        lambda delta, before, after: aten.elu_backward.grad_input(delta, 1.0, 1.0, 1.0, True, after, grad_input=delta),
    ),
    nn.Sigmoid: Activation(
        "sigmoid",
        torch.sigmoid_,
        lambda delta, before, after: aten.sigmoid_backward.grad_input(delta, after, grad_input=delta),
    ),
    nn.GELU: Activation(
        "gelu",
        nn.functional.gelu,
        lambda delta, before, after: aten.gelu_backward.grad_input(delta, before, grad_input=delta),
    ),
}


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
    elif input_dims > 1 and type(parts[0]) is nn.Linear:
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
