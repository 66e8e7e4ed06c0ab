"""Residual networks of basic blocks for small images, with GroupNorm."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from byzsgd.checks import require
from byzsgd.models.images import require_image


class _BasicBlock(nn.Module):
    def __init__(self, before: int, width: int, stride: int, groups: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, width, 3, stride, padding=1, bias=False),
            nn.GroupNorm(groups, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.GroupNorm(groups, width),
        )
        same = before == width and stride == 1
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.GroupNorm(groups, width))
        )
        self.active = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.active(self.body(inputs) + self.shortcut(inputs))
        return outputs


def residual_network(
    who: str, input_shape: tuple[int, ...], outputs: int, widths: Sequence[int], depth: int, groups: int
) -> nn.Module:
    """A 3×3 stem, `depth` blocks of each width, mean pooling; every width after the first halves the image."""
    channels = require_image(who, input_shape)
    require(groups >= 1 and widths[0] % groups == 0, who, f"groups that divide {widths[0]}", groups=groups)
    layers: list[nn.Module] = [
        nn.Conv2d(channels, widths[0], 3, padding=1, bias=False),
        nn.GroupNorm(groups, widths[0]),
        nn.ReLU(),
    ]
    before = widths[0]
    for stage, width in enumerate(widths):
        for block in range(depth):
            layers.append(_BasicBlock(before, width, 2 if stage and block == 0 else 1, groups))
            before = width
    module = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, outputs))
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return module
