"""Majority votes among replicas, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Row = TypeVar("Row", np.ndarray, Tensor)


def vote(rows: Sequence[Row] | Row) -> Row | None:
    """(d,) the row to which more than half of the (k, d) rows are equal, bit for bit; None: there is no majority."""
    candidate, count = tally(rows)
    return candidate if 2 * count > len(rows) else None


def tally(rows: Sequence[Row] | Row) -> tuple[Row, int]:
    """The only candidate for a majority (Boyer, Moore: MJRTY, a fast majority vote algorithm; 1991), and the number of
    rows that are equal to it."""
    candidate, lead = rows[0], 0
    for row in rows:
        if not lead:
            candidate, lead = row, 1
        else:
            lead += 1 if same(row, candidate) else -1
    return candidate, sum(same(row, candidate) for row in rows)


def same(one: Row, other: Row) -> bool:
    """Whether two vectors are equal bit for bit: NaN equals itself, and 0 differs from −0."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if isinstance(one, Tensor):
        return torch.equal(one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8))
    return np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()
