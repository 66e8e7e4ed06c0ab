"""What a run measures at its evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from byzsgd.kernel.engine.dissimilarity import least_bound


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What is measured at evaluations beside losses and accuracy; all of it costs time."""

    gradient_norm: bool  # of the objective of the honest workers
    validation: bool
    per_class: bool
    dissimilarity: bool  # of the honest workers' objectives, and (G, B) over all evaluations
    study: bool  # columns of `run.arrivals` about every update: see byzsgd.run.study
    nodes: bool | Literal["auto"] = "auto"  # the worst of nodes with models of their own; auto: of up to 64


def dissimilarity_of(metrics: pl.DataFrame) -> dict[str, object]:
    """For the info: the least (G, B) that bounds what the evaluations of a run measured; nothing where none did."""
    if "dissimilarity" not in metrics.columns:
        return {}
    measured = metrics.select("dissimilarity", "dissimilarity_norm").filter(pl.all_horizontal(pl.all().is_finite()))
    if not len(measured):
        return {}
    found = least_bound(*(measured[name].to_list() for name in measured.columns))
    return {"dissimilarity": {"G": found.G, "B": found.B, "points": len(measured)}}
