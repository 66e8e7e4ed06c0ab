"""Shifts and flips against a literal twin."""

import numpy as np
import pytest
import torch
from problem_world import generator

from byzsgd.datasets import shift_flip


def literal(inputs, rng, shift, flip):
    """One image, one pixel at a time."""
    count, channels, height, width = inputs.shape
    down, right = rng.integers(-shift, shift + 1, size=(2, count, 1))
    mirrored = rng.random((count, 1)) < 0.5 if flip else np.zeros((count, 1), dtype=bool)
    outputs = np.empty_like(inputs)
    for i in range(count):
        for y in range(height):
            for x in range(width):
                column = width - 1 - x if mirrored[i, 0] else x
                row = min(max(y + down[i, 0], 0), height - 1)
                outputs[i, :, y, x] = inputs[i, :, row, min(max(column + right[i, 0], 0), width - 1)]
    return outputs


@pytest.mark.parametrize(("shift", "flip"), [(0, True), (2, False), (3, True)])
def test_against_the_literal_twin(shift, flip):
    inputs = torch.arange(40 * 2 * 5 * 7, dtype=torch.float32).view(40, 2, 5, 7)
    before = inputs.clone()
    augment = shift_flip(shift=shift, flip=flip)
    found = augment(inputs, generator(3))
    assert np.array_equal(found.numpy(), literal(inputs.numpy(), generator(3), shift, flip))
    assert torch.equal(inputs, before) and not torch.equal(found, inputs)
    assert not torch.equal(found, augment(inputs, generator(4)))


def test_nothing_to_change_is_nothing_to_do():
    assert shift_flip(shift=0, flip=False).active() is None
    assert shift_flip(shift=1, flip=False).active() == shift_flip(shift=1, flip=False)
    with pytest.raises(ValueError, match="dataset augmentation needs shift >= 0; got shift=-1"):
        shift_flip(shift=-1, flip=False)
