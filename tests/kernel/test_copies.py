"""Copies that are copy_of."""

import pytest
import torch

from byzsgd.kernel.copies import ALIGNMENT, LARGE, copy_of


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(3,), (1, 5), (LARGE,), (1, LARGE), (3, LARGE)])
def test_a_kept_copy_is_equal_and_shares_nothing(dtype, shape):
    values = torch.randn(shape).to(dtype)
    copy = copy_of(values)
    assert torch.equal(copy, values)
    assert (copy.shape, copy.dtype, copy.is_contiguous()) == (values.shape, dtype, True)
    values += 1
    assert not torch.equal(copy, values)


def test_large_copies_are_aligned_like_pytorchs_own():
    for extra in range(1, 20):
        assert copy_of(torch.zeros(LARGE + extra)).data_ptr() % ALIGNMENT == 0
