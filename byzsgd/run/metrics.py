"""Which metrics a run measures at its evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from byzsgd.kernel.engine.dissimilarity import least_bound


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Metrics beside losses and accuracy. Each of them costs time at every evaluation."""

    gradient_norm: bool  # of the objective of the honest workers
    validation: bool
    per_class: bool
    dissimilarity: bool  # of the honest workers' objectives, and (G, B) over all evaluations
    study: bool  # columns of `run.arrivals` about every update: see byzsgd.run.update_study
    nodes: bool | Literal["auto"] = "auto"  # the accuracy of each node that has its own model; auto: of up to 64


def dissimilarity_of(metrics: pl.DataFrame) -> dict[str, object]:
    """A fact for the info: the least (G, B) that bounds the dissimilarities measured in a run; empty: none was."""
    if "dissimilarity" not in metrics.columns:
        return {}
    measured = metrics.select("dissimilarity", "dissimilarity_norm").filter(pl.all_horizontal(pl.all().is_finite()))
    if not len(measured):
        return {}
    bound = least_bound(*(measured[name].to_list() for name in measured.columns))
    return {"dissimilarity": {"G": bound.G, "B": bound.B, "points": len(measured)}}
