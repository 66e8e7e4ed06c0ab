"""The base class of compressors that send k of d coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.compressors.lossy import Stateless
from byzsgd.interfaces import Wire

SAMPLE = 4096  # values from which the k-th largest is estimated
MARGIN = 4.0  # standard deviations of a count in the sample


@dataclass(frozen=True, kw_only=True)
class Selection(Stateless):
    """Sends k of d coordinates: `k`, or k = max(1, ⌊share·d⌋); one of the two is null."""

    share: float | None = None
    k: int | None = None

    def __post_init__(self) -> None:
        who, share, k = type(self).__name__, self.share, self.k
        require((share is None) != (k is None), who, "either share or k (the other null)", share=share, k=k)
        require(share is None or 0 < share <= 1, who, "0 < share <= 1", share=share)
        require(k is None or k >= 1, who, "k >= 1", k=k)

    def count(self, num_parameters: int) -> int:
        """k at d coordinates."""
        if self.k is None:
            assert self.share is not None
            return max(1, int(self.share * num_parameters))
        require(self.k <= num_parameters, type(self).__name__, "k <= d", k=self.k, d=num_parameters)
        return self.k

    def decode(self, wire: Wire) -> Tensor:
        assert wire.indices is not None
        return wire.symbols.new_zeros(wire.num_parameters).index_copy_(0, wire.indices, wire.symbols)


def largest(values: Tensor, k: int) -> Tensor:
    """(k,) the indices of the k largest values (d,), ascending; of equal values those with the lower index."""
    candidates = (values >= _guess(values, k)).nonzero().squeeze(1)
    if candidates.numel() < k:
        candidates = torch.arange(values.numel(), device=values.device)
    left = values.index_select(0, candidates)
    threshold = torch.kthvalue(left, left.numel() - k + 1).values
    chosen = candidates[left > threshold]
    equal = candidates[left == threshold][: k - chosen.numel()]
    return torch.cat((chosen, equal)).sort().values


def _guess(values: Tensor, k: int) -> Tensor:
    """() a threshold that almost surely at least k values reach, and few others. It affects the speed, not the
    result."""
    sample = values[:: max(1, values.numel() // SAMPLE)]
    rank = sample.numel() * k / values.numel()
    above = math.ceil(rank + MARGIN * math.sqrt(rank) + 1)
    return torch.kthvalue(sample, max(sample.numel() - above + 1, 1)).values


def index_bits(num_parameters: int) -> int:
    """⌈log2 d⌉"""
    return (num_parameters - 1).bit_length()
