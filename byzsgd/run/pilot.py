"""A run before the run: what a compressor must know of the gradients before it can begin."""

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
    """The compressor of a run, with the `scale` that its `budget` of bits asks for: found with the norms of the same
    run without compression. It is a function of the configuration, so a run that is resumed finds the same."""
    compressor = experiment.compressor
    if not lacks_scale(compressor):
        return compressor
    assert compressor.budget is not None and compressor.decay is not None and compressor.horizon is not None
    norms = pilot_norms(replace(experiment, compressor=none()))
    scale = solved_scale(norms, compressor.decay, compressor.horizon, compressor.budget)
    return replace(compressor, scale=scale, budget=None)


def lacks_scale(compressor: Compressor) -> TypeGuard[Dynamic]:
    """Whether its `scale` is found by a run before the run."""
    return isinstance(compressor, Dynamic) and compressor.schedule == "norm" and compressor.budget is not None


def pilot_norms(experiment: Experiment) -> Tensor:
    """(T,) the mean over honest messages of max|g_j|, by the version that they were computed on, until the budget is
    spent; NaN where no message read a version."""
    prepared = experiment.prepare()
    world = prepared.begin(prepared.initial.clone())
    sums: dict[int, list[float]] = {}
    for event in events(prepared.kernel, world, prepared.engine):
        if not event.byzantine:
            sums.setdefault(event.read_at_true, []).append(float(event.message.vector.abs().max()))
        if experiment.budget.spent(world):
            break
    norms = torch.full((max(sums, default=-1) + 1,), torch.nan, dtype=torch.float64)
    for version, found in sums.items():
        norms[version] = sum(found) / len(found)
    return norms
