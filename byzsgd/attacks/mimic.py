"""One honest worker, over-represented."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import AdversaryContext, Attack, View
from byzsgd.interfaces.compiled import compiled_as


@dataclass
class Observed:
    """What has been learnt of the honest workers: the direction in which they differ most, and where each stands."""

    turns: int = 0
    axis: Tensor | None = None  # (d,) of unit length
    standing: Tensor | None = None  # (h,) sums of the projections on it


@compiled_as("view")
@dataclass(frozen=True, kw_only=True)
class Mimic(Attack[Observed]):
    """All liars copy one honest worker: nothing they send is abnormal, and its data count m+1 times.

    `worker` null: the one that stands furthest out along the direction z in which honest vectors differ most; z is
    learnt by Oja's rule during the first `warmup` messages of the liars (z ← t/(1+t)·z + 1/(1+t)·Σ_i ⟨g_i−mean, z⟩·
    (g_i−mean), normalised), the worker is the one of the largest |Σ_t ⟨g_i, z⟩| at its end. During the warm-up the row
    of the largest ⟨g_i, z⟩ is copied. A number: always that row of the honest workers, in order of their ids. With
    fewer than two visible honest vectors it sends its own.

    Karimireddy, He, Jaggi: Byzantine-robust learning on heterogeneous datasets via bucketing (ICLR 2022,
    arXiv 2006.09365).
    """

    warmup: int = 100
    worker: int | None = None

    sees = "delivered"

    def __post_init__(self) -> None:
        require(self.warmup >= 1, "mimic", "warmup >= 1", warmup=self.warmup)
        require(self.worker is None or self.worker >= 0, "mimic", "worker >= 0, or null", worker=self.worker)

    def init(self, context: AdversaryContext) -> Observed:
        honest = context.num_workers - len(context.byzantine)
        fits = self.worker is None or self.worker < honest or not context.byzantine
        require(fits, "mimic", "worker < number of honest workers", worker=self.worker, honest=honest)
        return Observed()

    def forge(self, view: View[Observed]) -> Tensor:
        honest = view.honest
        complete = honest.shape[0] == view.num_workers - view.num_byzantine
        if honest.shape[0] < 2 or (self.worker is not None and not complete):
            return view.own
        if self.worker is not None:
            return honest[self.worker].clone()
        observed = view.memory
        if complete and observed.turns < self.warmup:
            self._learn(observed, honest)
        if observed.axis is None:
            return honest[0].clone()
        if complete and observed.standing is not None and observed.turns >= self.warmup:
            return honest[int(observed.standing.abs().argmax())].clone()
        return honest[int((honest @ observed.axis).argmax())].clone()

    def _learn(self, observed: Observed, honest: Tensor) -> None:
        gap = honest - honest.mean(dim=0)
        before = gap[0] if observed.axis is None else observed.axis
        share = 1 / (1 + observed.turns)
        axis = (1 - share) * before + share * ((gap @ before) @ gap)
        size = torch.linalg.vector_norm(axis)
        if not 0 < size < float("inf"):
            return
        observed.axis = axis / size
        standing = honest @ observed.axis
        observed.standing = standing if observed.standing is None else observed.standing + standing
        observed.turns += 1
