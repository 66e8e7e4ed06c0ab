"""What callers are told of types; `mypy --strict` reads it (`make check`), and nothing runs it."""

from typing import assert_type

import numpy as np
from torch import Tensor

from byzsgd.aggregators.preaggregators import nnm
from byzsgd.aggregators.rules import centered_clipping, ctma, fltrust, krum, median, weighted_median


def tensors(rows: Tensor, weights: Tensor, one: Tensor) -> None:
    assert_type(krum(rows, f=2, neighbours=3, strict=False), Tensor)
    assert_type(krum([one, one], f=0), Tensor)
    assert_type(median(nnm(rows, f=2)), Tensor)
    assert_type(weighted_median(rows, weights), Tensor)
    assert_type(ctma([one, one], weights, share=0.2), Tensor)
    assert_type(centered_clipping(rows, centre=one), Tensor)


def arrays(rows: np.ndarray, weights: np.ndarray, one: np.ndarray) -> None:
    assert_type(krum(rows, f=2), np.ndarray)
    assert_type(krum([one, one], f=0), np.ndarray)
    assert_type(median(nnm(rows, f=2)), np.ndarray)
    assert_type(weighted_median(rows, weights), np.ndarray)
    assert_type(ctma(rows, [1.0, 2.0], share=0.2), np.ndarray)
    assert_type(fltrust(rows, trusted=one), np.ndarray)
    assert_type(krum.declaration.kappa(15, 3), float)
