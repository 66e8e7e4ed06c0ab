"""The pilot run of a compressor: it measures the norms of the gradients, from which follows the compressor's scale."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor

from byzsgd.compressors import none
from byzsgd.compressors.dynamic import Dynamic, solved_scale
from byzsgd.interfaces import Compressor
from byzsgd.kernel.lookahead import events

if TYPE_CHECKING:
    from byzsgd.run.experiment import Experiment


def solved(experiment: Experiment) -> Compressor:
    """The compressor of a run with the `scale` that spends its `budget` of bits, by the norms of the same run without
    compression. It depends on the configuration alone, so a resumed run computes the same."""
    compressor = experiment.compressor
    if not lacks_scale(compressor):
        return compressor
    assert compressor.budget is not None and compressor.decay is not None and compressor.horizon is not None
    norms = pilot_norms(replace(experiment, compressor=none()))
    scale = solved_scale(norms, compressor.decay, compressor.horizon, compressor.budget)
    return replace(compressor, scale=scale, budget=None)


def lacks_scale(compressor: Compressor) -> TypeGuard[Dynamic]:
    """Whether a pilot run has to solve for its `scale`."""
    return isinstance(compressor, Dynamic) and compressor.schedule == "norm" and compressor.budget is not None


def pilot_norms(experiment: Experiment) -> Tensor:
    """(T,) by version, the mean of max_j |g_j| over the honest messages that were computed on it, until the budget is
    spent. NaN for a version that no message read."""
    prepared = experiment.prepare()
    world = prepared.begin(prepared.initial.clone())
    sums: dict[int, list[float]] = {}
    for event in events(prepared.kernel, world, prepared.engine):
        if not event.byzantine:
            sums.setdefault(event.read_at_true, []).append(float(event.message.vector.abs().max()))
        if experiment.budget.spent(world):
            break
    norms = torch.full((max(sums, default=-1) + 1,), torch.nan, dtype=torch.float64)
    for version, values in sums.items():
        norms[version] = sum(values) / len(values)
    return norms
