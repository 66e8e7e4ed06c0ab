from __future__ import annotations

from torch import nn

from byzsgd.models.residual import residual_network


def resnet20(input_shape: tuple[int, ...], outputs: int, /, *, groups: int = 8) -> nn.Module:
    """ResNet-20 for small images (B, C, H, W): 3 × 3 basic blocks of 16, 32 and 64 channels, with GroupNorm.

    He, Zhang, Ren, Sun: Deep residual learning for image recognition (CVPR 2016), arXiv:1512.03385, section 4.2.

    Differs: GroupNorm (Wu, He, ECCV 2018, arXiv:1803.08494) in place of BatchNorm, whose statistics are no part of the
    flat vector, and 1×1 convolutions as shortcuts between widths.
    """
    return residual_network("model resnet20", input_shape, outputs, (16, 32, 64), 3, groups)
