"""What the liars see."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(slots=True)
class Sight:
    """What the liars saw last, put together only where it has changed: in a round every liar sees the same.

    A memory of a pure function: forgetting it changes nothing, so it is no part of a state.
    """

    messages: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)  # worker -> (its result, its vector)
    rows: list[Tensor] = field(default_factory=list)  # kept alive, so that an address says which vector it is
    addresses: list[int] = field(default_factory=list)
    stacked: Tensor | None = None

    def together(self, rows: list[Tensor], empty: Tensor) -> Tensor:
        """(h, d)"""
        addresses = [row.data_ptr() for row in rows]
        if self.stacked is None or addresses != self.addresses:
            self.rows, self.addresses = rows, addresses
            self.stacked = torch.stack(rows) if rows else empty.new_empty((0, empty.numel()))
        return self.stacked
