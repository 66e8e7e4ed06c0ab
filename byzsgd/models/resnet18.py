from __future__ import annotations

from torch import nn

from byzsgd.models.residual import residual_network


def resnet18(input_shape: tuple[int, ...], outputs: int, /, *, groups: int = 32) -> nn.Module:
    """ResNet-18 with the stem for small images (B, C, H, W): 4 × 2 basic blocks of 64 to 512 channels, with GroupNorm.

    He, Zhang, Ren, Sun: Deep residual learning for image recognition (CVPR 2016), arXiv:1512.03385.

    Differs: a 3×3 stem without pooling, as is usual for CIFAR, and GroupNorm (Wu, He, ECCV 2018, arXiv:1803.08494) in
    place of BatchNorm, whose statistics are no part of the flat vector.
    """
    return residual_network("model resnet18", input_shape, outputs, (64, 128, 256, 512), 2, groups)
