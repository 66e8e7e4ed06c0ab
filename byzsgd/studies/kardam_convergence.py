"""Almost sure convergence of Kardam, as far as a finite run can show it: every single run's gradient norm falls."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from byzsgd.analysis.groups import diverged
from byzsgd.analysis.recorded import Recorded
from byzsgd.plotting import progress

from .finding import Finding, Found, of_runs, told

NORM = "gradient_norm"
REACHED = 0.1  # of the first gradient norm, by the mean of the last tenth of a run
START = 0.1  # of the updates, before which no slope is looked for


def findings(found: Found) -> Iterator[Finding]:
    """Of every setting: what is left of the norm, and its slope over the updates on logarithmic axes, worst seed."""
    for group in found.comparison.groups:
        name = ", ".join(str(group.values[key]) for key in ("aggregator", "attack") if key in group.values)
        left, slopes = of_runs([group], share_left), of_runs([group], slope)
        robust = group.values.get("aggregator", "kardam") != "asgd"
        holds = left.lost == 0 and left.high <= REACHED if robust else None
        yield Finding(f"{name}: gradient norm at the end over that at the start, every seed",
                      f"≤ {REACHED}" if robust else "", left.text(3), holds, left.count)  # fmt: skip
        yield told(f"{name}: slope of log norm over log updates", slopes, digits=2)


def share_left(run: Recorded) -> float:
    """The mean of the last tenth of the evaluations over the first; inf: it diverged."""
    norms = _norms(run)["norm"]
    if diverged(run) or len(norms) < 2:
        return math.inf
    return float(norms.tail(max(1, len(norms) // 10)).mean()) / float(norms[0])  # type: ignore[arg-type]


def slope(run: Recorded) -> float:
    """By least squares; inf: it diverged, NaN: too few evaluations."""
    rows = _norms(run)
    if diverged(run):
        return math.inf
    rows = rows.filter(pl.col("step") > START * float(rows["step"].max() or 0))  # type: ignore[arg-type]
    if len(rows) < 3:
        return math.nan
    return float(np.polyfit(np.log(rows["step"].to_numpy()), np.log(rows["norm"].to_numpy()), 1)[0])


def _norms(run: Recorded) -> pl.DataFrame:
    rows = run.metrics.select("step", norm=pl.col(NORM)).drop_nulls()
    return rows.filter(pl.col("norm").is_finite() & (pl.col("norm") > 0))


def figures(found: Found) -> dict[str, Figure]:
    return {"norm": progress(found.comparison, metric=NORM, x="updates")}
