"""Augmentation of drawn batches of images, on the device they are on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require


@dataclass(frozen=True, kw_only=True)
class ShiftFlip:
    """Shifts each image by up to `shift` pixels both ways and mirrors it with probability 1/2 where `flip` is set.

    Shifting within a border of edge pixels is the same as padding by `shift` and cropping at a random place (He, Zhang,
    Ren, Sun: Deep residual learning for image recognition, CVPR 2016, arXiv:1512.03385, section 4.2, pads by 4).

    Differs: what comes in from outside repeats the edge, so it needs no value that the normalisation maps to black.
    """

    shift: int
    flip: bool

    def __post_init__(self) -> None:
        require(self.shift >= 0, "dataset augmentation", "shift >= 0", shift=self.shift)

    def active(self) -> ShiftFlip | None:
        """None where nothing would be changed."""
        return self if self.shift or self.flip else None

    def __call__(self, inputs: Tensor, rng: np.random.Generator, /) -> Tensor:
        count, _, height, width = inputs.shape
        device = inputs.device
        moves = torch.from_numpy(rng.integers(-self.shift, self.shift + 1, size=(2, count, 1))).to(device)
        rows = (torch.arange(height, device=device) + moves[0]).clamp_(0, height - 1)
        columns = (torch.arange(width, device=device) + moves[1]).clamp_(0, width - 1)
        if self.flip:
            mirrored = torch.from_numpy(rng.random((count, 1)) < 0.5).to(device)
            columns = torch.where(mirrored, columns.flip(1), columns)
        taken = inputs.gather(2, rows[:, None, :, None].expand(-1, inputs.shape[1], -1, width))
        return taken.gather(3, columns[:, None, None, :].expand(-1, inputs.shape[1], height, -1))
