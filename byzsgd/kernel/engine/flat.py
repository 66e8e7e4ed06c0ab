"""A module as a function of one flat vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from byzsgd.checks import require


class FlatModule:
    """A module as a function of a (d,) vector that holds its trainable parameters in the module's order.

    The parameters lie in memory of the module's own, into which `load` copies the vector: pointing them at it anew
    costs several times as much for small models. Weights of 2-d convolutions lie there in channels-last order where
    that is faster (float32 on a CPU; docs/performance.md).
    """

    def __init__(self, module: nn.Module) -> None:
        _require_plain(module)
        self.module = module
        self.parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.layers = tuple(parameter.numel() for parameter in self.parameters)
        self.num_parameters = sum(self.layers)
        require(self.num_parameters > 0, "model", "trainable parameters", num_parameters=0)
        first = self.parameters[0]
        mixed = any(parameter.dtype != first.dtype or parameter.device != first.device for parameter in self.parameters)
        require(not mixed, "model", "parameters of one type on one device", dtypes={p.dtype for p in self.parameters})
        self._memory = torch.empty(self.num_parameters, dtype=first.dtype, device=first.device)
        self._permuted: list[tuple[Tensor, slice]] = []
        channels_last = _channels_last(module)
        begin = 0
        for parameter, size in zip(self.parameters, self.layers, strict=True):
            span = slice(begin, begin + size)
            begin += size
            part = self._memory[span]
            if id(parameter) in channels_last:
                outputs, inputs, height, width = parameter.shape
                # Not `contiguous(memory_format=…)`: with one input channel that keeps strides which are slow.
                values = part.view(outputs, height, width, inputs).permute(0, 3, 1, 2)
                self._permuted.append((values, span))
            else:
                values = part.view(parameter.shape)
            values.copy_(parameter.data)
            parameter.data = values

    def load(self, params: Tensor) -> None:
        self._memory.copy_(params)
        for values, span in self._permuted:
            values.copy_(params[span].view(values.shape))

    def values(self) -> Tensor:
        """(d,) a copy of the parameters."""
        return torch.cat([parameter.detach().reshape(-1) for parameter in self.parameters])

    def gradient(self, loss: Tensor) -> Tensor:
        """(d,) of a loss computed from the loaded parameters, in new memory."""
        parts = torch.autograd.grad(loss, self.parameters, materialize_grads=True)
        return torch.cat([part.reshape(-1) for part in parts])


def _channels_last(module: nn.Module) -> frozenset[int]:
    """The ids of the weights that are better kept in that order."""
    weights = [layer.weight for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    return frozenset(id(weight) for weight in weights if weight.dtype == torch.float32 and weight.device.type == "cpu")


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
