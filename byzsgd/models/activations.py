"""Activations by the name that the configuration uses."""

from __future__ import annotations

from torch import nn

from byzsgd.checks import require

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
}


def activation(who: str, name: str) -> nn.Module:
    """A new activation module."""
    require(name in ACTIVATIONS, who, f"activation one of {', '.join(ACTIVATIONS)}", activation=name)
    return ACTIVATIONS[name]()
