"""Sums of per-example gradients that are clipped first."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from byzsgd.interfaces import Batch, ClippedSum


def examples(batch: Batch) -> Batch:
    """(B, …) -> (B, 1, …): every example as a batch of its own."""
    return Batch(batch.inputs.unsqueeze(1), batch.targets.unsqueeze(1), batch.num_classes)


def clipped_sum(work: ClippedSum, groups: Iterable[Tensor]) -> Tensor:
    """(1, d) from the gradients of all examples, in groups of (g, d)."""
    total, count = torch.zeros(()), 0
    for rows in groups:
        norms = torch.linalg.vector_norm(rows, work.order, dim=1)
        part = (work.clip / norms).clamp(max=1.0).unsqueeze(0) @ rows
        total = total + part if count else part
        count += len(rows)
    return total / count if work.mean else total
