"""Augmentation of batches of images, on their device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require


@dataclass(frozen=True, kw_only=True)
class ShiftFlip:
    """Shifts each image by up to `shift` pixels in both directions. With `flip` it mirrors it with probability 1/2.

    The shift is the same as padding by `shift` and cropping at a random position (He, Zhang, Ren, Sun: Deep residual
    learning for image recognition, CVPR 2016, arXiv:1512.03385, section 4.2, pads by 4).

    Differs: the padding repeats the pixels of the edge, so it does not depend on the normalisation of black.
    """

    shift: int
    flip: bool

    def __post_init__(self) -> None:
        require(self.shift >= 0, "dataset augmentation", "shift >= 0", shift=self.shift)

    def active(self) -> ShiftFlip | None:
        """The augmentation; None: it changes nothing."""
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
