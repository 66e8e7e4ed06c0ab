"""A module as a function of one flat vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from byzsgd.checks import require


class FlatModule:
    """A module whose trainable parameters are views of a (d,) vector, in the module's order.

    `load` copies nothing: it only points the parameters at the vector, so it may be called at every gradient.
    """

    def __init__(self, module: nn.Module) -> None:
        _require_plain(module)
        self.module = module
        self.parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.shapes = [parameter.shape for parameter in self.parameters]
        self.sizes = [parameter.numel() for parameter in self.parameters]
        require(sum(self.sizes) > 0, "model", "trainable parameters", num_parameters=0)

    @property
    def num_parameters(self) -> int:
        return sum(self.sizes)

    def load(self, params: Tensor) -> None:
        for parameter, part, shape in zip(self.parameters, torch.split(params, self.sizes), self.shapes, strict=True):
            parameter.data = part.view(shape)

    def values(self) -> Tensor:
        """(d,) a copy of the parameters."""
        return torch.cat([parameter.detach().reshape(-1) for parameter in self.parameters])

    def gradient(self, loss: Tensor) -> Tensor:
        """(d,) of a loss computed from the loaded parameters, in new memory."""
        parts = torch.autograd.grad(loss, self.parameters, materialize_grads=True)
        return torch.cat([part.reshape(-1) for part in parts])


def _require_plain(module: nn.Module) -> None:
    """Layers whose result depends on more than (parameters, batch) have no place in a flat-vector simulation."""
    for name, layer in module.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            frozen = not layer.training and not any(parameter.requires_grad for parameter in layer.parameters())
            require(
                frozen,
                "model",
                "BatchNorm layers frozen or replaced by GroupNorm (running statistics are not in the flat vector)",
                layer=name or type(layer).__name__,
            )
        rate = getattr(layer, "p", 0.0) if isinstance(layer, nn.modules.dropout._DropoutNd) else 0.0
        rate = layer.dropout if isinstance(layer, nn.RNNBase | nn.MultiheadAttention) else rate
        require(
            rate == 0.0 or not layer.training,
            "model",
            "dropout=0 (a gradient is a function of parameters and batch alone)",
            layer=name,
            dropout=rate,
        )
