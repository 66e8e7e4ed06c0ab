"""Parameters (d,) as the weights of a module."""

from __future__ import annotations

from torch import Tensor, nn

from byzsgd.checks import require
from byzsgd.kernel.engine.flat import FlatModule


def with_parameters(module: nn.Module, params: Tensor) -> nn.Module:
    """The module in evaluation mode, with the parameters `params` (d,). ValueError where it has not d parameters."""
    flat = FlatModule(module)
    needs = f"a run with {flat.num_parameters} parameters, as many as the module has"
    require(len(params) == flat.num_parameters, "model", needs, parameters=len(params))
    flat.load(params.to(flat.values()))
    return module.eval()
