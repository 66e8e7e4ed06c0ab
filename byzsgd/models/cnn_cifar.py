from __future__ import annotations

from torch import nn

from byzsgd.checks import require
from byzsgd.models.images import require_image


def cnn_cifar(input_shape: tuple[int, ...], outputs: int, /, *, groups: int = 8) -> nn.Module:
    """Four 3×3 convolutions (64, 64, 128, 128) and 128 hidden units for 32×32 pixels; the field's CIFAR-10 network.

    Xie, Koyejo, Gupta: Fall of empires: breaking Byzantine-tolerant SGD by inner product manipulation (UAI 2019),
    arXiv:1903.03936.

    Differs: GroupNorm of `groups` groups in place of BatchNorm (whose statistics are no part of the flat vector), and
    no dropout.
    """
    channels = require_image("model cnn_cifar", input_shape, 32)
    require(groups >= 1 and 64 % groups == 0, "model cnn_cifar", "groups that divide 64", groups=groups)
    layers: list[nn.Module] = []
    before = channels
    for width in (64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.GroupNorm(groups, width), nn.ReLU()]
            before = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 8 * 8, 128), nn.ReLU(), nn.Linear(128, outputs))
