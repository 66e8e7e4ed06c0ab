"""Almost sure convergence of Kardam, as far as finite runs can show it: the gradient norm of every single run falls."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from byzsgd.analysis.estimates import estimate, number
from byzsgd.analysis.groups import diverged
from byzsgd.analysis.recorded import Recorded
from byzsgd.plotting import progress

from .finding import Finding, Results, of_runs, unclaimed

NORM = "gradient_norm"
START = 0.1  # the share of the updates that the slope leaves out at the start


def findings(results: Results) -> Iterator[Finding]:
    """For every setting: the slope of the norm over the updates on logarithmic axes, and the norm at the end over that
    at the start."""
    for group in results.comparison.groups:
        name = ", ".join(str(group.values[key]) for key in ("aggregator", "attack") if key in group.values)
        left, each = of_runs([group], share_left), [slope(run) for run in group.runs]
        slopes = estimate(each)
        claimed = group.values.get("aggregator") != "asgd"  # there is no such claim for asgd under attack
        measured = f"{slopes.text(2)}, at most {number(max(each), 2)}"  # an interval ends before the largest
        yield Finding(f"{name}: slope of log norm over log updates, every seed", "< 0" if claimed else "",
                      measured, all(value < 0 for value in each) if claimed else None, slopes.count)  # fmt: skip
        yield unclaimed(f"{name}: gradient norm at the end over that at the start", left)


def share_left(run: Recorded) -> float:
    """The mean norm over the last tenth of the evaluations, divided by that of the first one; inf: the run diverged."""
    norms = _norms(run)["norm"]
    if diverged(run) or len(norms) < 2:
        return math.inf
    return float(norms.tail(max(1, len(norms) // 10)).mean()) / float(norms[0])  # type: ignore[arg-type]


def slope(run: Recorded) -> float:
    """The slope of log norm over log updates by least squares; inf: the run diverged; NaN: too few evaluations."""
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


def figures(results: Results) -> dict[str, Figure]:
    return {"norm": progress(results.comparison, metric=NORM, x="arrivals")}
