"""Several seeds as one curve: mean or median, and how sure of it we are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy.special import stdtrit

from .groups import Group, NothingToDraw, Recorded

Axis = Literal["updates", "time", "arrivals", "bits", "bits_per_worker"]
Statistic = Literal["mean", "median"]
COLUMN = {
    "updates": "step",
    "time": "time",
    "arrivals": "arrivals",
    "bits": "bits_up",
    "bits_per_worker": "bits_up",
}
AXIS_LABEL = {
    "updates": "server updates",
    "time": "virtual time (s)",
    "arrivals": "delivered vectors",
    "bits": "bits sent by all workers",
    "bits_per_worker": "bits sent per worker",
}
POINTS = 240  # of a curve whose seeds were evaluated at different places
LEVEL = 0.95
STAYS = ("diverged", "stalled")  # nothing changes after the end of such a run


@dataclass(frozen=True)
class Band:
    """A curve over x with its interval; low = high = middle where there is one seed."""

    x: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray
    ends: tuple[tuple[float, float], ...]  # where runs diverged


def interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(seeds, points) -> mean and half-width of its 95 % t-interval; 0 for one seed.

    Student's: with few seeds a normal interval would claim too much.
    """
    seeds = values.shape[0]
    mean = values.mean(axis=0)
    if seeds < 2:
        return mean, np.zeros_like(mean)
    quantile = float(stdtrit(seeds - 1, 0.5 + LEVEL / 2))
    return mean, quantile * values.std(axis=0, ddof=1) / np.sqrt(seeds)


def summary(values: np.ndarray, statistic: Statistic) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(seeds, points) -> middle, low, high: mean with its 95 % t-interval, or median with the range of the seeds."""
    if statistic == "median":
        return np.median(values, axis=0), values.min(axis=0), values.max(axis=0)
    mean, half = interval(values)
    return mean, mean - half, mean + half


def band(group: Group, metric: str, axis: Axis, statistic: Statistic = "mean") -> Band:
    """The curve of a metric over the seeds of a group, as far as every seed goes.

    A run that diverged has accuracy 0 from there on, and no loss: where the metric is lost in one seed, the curve of
    the group ends, since the mean of the survivors would flatter it. A run that stalled keeps its last model.
    """
    rows = [(_curve(run, metric, axis), run.info.get("status")) for run in group.runs]
    found = [(curve, status) for curve, status in rows if curve is not None]
    if not found or not all(np.isfinite(y).any() for (_, y), _ in found):
        raise NothingToDraw(f"a curve of {metric} needs evaluations that have it; got none in {group.runs[0].folder}")
    stays = [status in STAYS and bool(np.isfinite(y[-1])) for (_, y), status in found]
    curves = [(x[np.isfinite(y)], y[np.isfinite(y)]) for (x, y), _ in found]
    ends = tuple(
        (float(x[-1]), float(y[-1])) for (x, y), (_, status) in zip(curves, found, strict=True) if status == "diverged"
    )
    going = [x[-1] for (x, _), stay in zip(curves, stays, strict=True) if not stay]
    grid = _grid([x for x, _ in curves], float(min(going) if going else max(x[-1] for x, _ in curves)))
    values = np.stack([np.interp(grid, x, y) for x, y in curves])
    middle, low, high = summary(values, statistic)
    return Band(grid, middle, low, high, ends)


def _grid(places: Sequence[np.ndarray], horizon: float) -> np.ndarray:
    """Where all seeds can be compared: their own evaluations, or as many points as a figure can show."""
    first = max(float(x[0]) for x in places)
    grid = np.unique(np.concatenate(places))
    grid = grid[(grid >= first) & (grid <= horizon)]
    if len(grid) > POINTS and any(len(x) != len(grid) for x in places):
        grid = np.linspace(first, horizon, POINTS)
    return grid if len(grid) else np.array([first])


def place(run: Recorded, axis: Axis) -> pl.Expr:
    """Where on an axis the evaluations of a run stand."""
    shares = int(run.config.get("num_workers") or 1) if axis == "bits_per_worker" else 1
    return pl.col(COLUMN[axis]).cast(pl.Float64) / shares


def _curve(run: Recorded, metric: str, axis: Axis) -> tuple[np.ndarray, np.ndarray] | None:
    """x and y of one run, in order of x, the last evaluation of each x; None where it has no such rows."""
    if not {metric, COLUMN[axis]} <= set(run.metrics.columns):
        return None
    rows = run.metrics.select(x=place(run, axis), y=pl.col(metric).cast(pl.Float64))
    rows = rows.filter(pl.col("x").is_finite() & pl.col("y").is_not_null())
    rows = rows.unique("x", keep="last", maintain_order=True).sort("x")
    if rows.is_empty():
        return None
    return rows["x"].to_numpy(), rows["y"].to_numpy()
