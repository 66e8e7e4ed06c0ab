from __future__ import annotations

import math
import warnings

from torch import nn

from byzsgd.checks import require
from byzsgd.torchvision_compat import import_torchvision


def torchvision(input_shape: tuple[int, ...], outputs: int, /, *, name: str = "resnet18", groups: int = 8) -> nn.Module:
    """A classifier of torchvision by its name there, untrained, (B, 3, H, W) -> (B, outputs).

    Differs from torchvision: every BatchNorm layer becomes a GroupNorm of `groups` groups (of fewer where they do not
    divide the channels) and every rate of dropout and of stochastic depth becomes 0, since a gradient is a function of
    parameters and batch alone. Those with auxiliary outputs (googlenet, inception_v3) are refused.
    """
    library = import_torchvision()
    models = library.models
    known = models.list_models(module=models)
    require(name in known, "model torchvision", "the name of a classifier of torchvision", name=name)
    require(groups >= 1, "model torchvision", "groups >= 1", groups=groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of initial weights that may change, in a model refused below
        module: nn.Module = models.get_model(name, weights=None, num_classes=outputs)
    require(
        not getattr(module, "aux_logits", False), "model torchvision", "a classifier with a single output", name=name
    )
    for path, layer in list(module.named_modules()):
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            channels = layer.num_features
            above, _, leaf = path.rpartition(".")
            setattr(module.get_submodule(above), leaf, nn.GroupNorm(math.gcd(groups, channels), channels))
        elif isinstance(layer, nn.modules.dropout._DropoutNd | library.ops.StochasticDepth):
            layer.p = 0.0
        elif isinstance(layer, nn.MultiheadAttention):
            layer.dropout = 0.0
    return module
