"""The norms of what is delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


def reading_waits(device: torch.device) -> bool:
    """Whether a number read from a tensor waits for all work that the device was given before."""
    return device.type != "cpu"


@dataclass(slots=True)
class Norms:
    """Norms of results that wait for their delivery, read together, so that on a GPU no delivery waits for its own.

    A memory of a pure function, as `Sight` is.
    """

    pairs: dict[int, tuple[Tensor, float]] = field(default_factory=dict)  # worker -> (its result, the norm)

    def expect(self, results: Mapping[int, Tensor], device: torch.device) -> None:
        """New results, by worker, at least one."""
        if not reading_waits(device):
            return
        norms = torch.stack([torch.linalg.vector_norm(result) for result in results.values()])
        pairs = zip(results.values(), norms.tolist(), strict=True)
        self.pairs.update(zip(results, pairs, strict=True))

    def of(self, worker: int, result: Tensor, vector: Tensor) -> float:
        """‖vector‖, where need be read now."""
        pair = self.pairs.pop(worker, None)
        if pair is not None and pair[0] is result and _same_memory(vector, result):
            return pair[1]
        return float(torch.linalg.vector_norm(vector))


def _same_memory(one: Tensor, other: Tensor) -> bool:
    return one.data_ptr() == other.data_ptr() and one.numel() == other.numel()
