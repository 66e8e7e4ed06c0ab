"""Why vectors were refused, over the run."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from byzsgd.analysis.groups import Comparison, Group, Recorded
from byzsgd.plotting.declaration import a_run, figure
from byzsgd.plotting.panels import beside, frame, label_outside, left_out, more
from byzsgd.plotting.style import reason_looks, styled

WINDOWS = 40
MOST_COLUMNS = 5


@figure(
    a_run("vectors that were refused", lambda run: not run.arrivals["accepted"].all()),
    columns=("arrival", "byzantine", "accepted", "reason"),
)
def refusals(comparison: Comparison) -> Figure:
    """Share of the honest (above) and of the Byzantine vectors (below) that each filter refused, in windows of the run,
    all seeds together. Where nobody lies there is no panel below."""
    groups = [group for group in comparison.groups if any(not run.arrivals["accepted"].all() for run in group.runs)]
    visible = groups[: min(MOST_COLUMNS, beside())]
    honest = [group for group in visible if not any(run.arrivals["byzantine"].any() for run in group.runs)]
    reasons = sorted({reason for group in visible for run in group.runs for reason in _reasons(run)})
    looks = reason_looks(reasons)
    with styled():
        layout = frame(
            "Why vectors were refused",
            [
                "all seeds together",
                left_out("nobody lies", [group.label(comparison.keys) for group in honest if comparison.keys]),
                more(len(groups) - len(visible)),
            ],
            comparison.caption(),
            count=2 * len(visible),
            columns=len(visible),
            legend=[
                Patch(facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0, label=reason.replace("_", " "))
                for reason, (colour, hatch) in looks.items()
            ],
            height=1.5,
            width=None if len(visible) > 1 else 3.5,
        )
        titles = ((group.label(comparison.keys), group not in honest, group) for group in visible)
        for axes, liars, group in layout.of_both_kinds(titles):
            _draw(axes, group, liars, looks)
        layout.axes[0, 0].set_ylim(0, 1)
        layout.axes[0, 0].set_yticks(np.linspace(0, 1, 5), ["0", "25 %", "50 %", "75 %", "100 %"])
        label_outside(layout, "delivered vectors", "")
        layout.name_rows("honest refused", "Byzantine refused")
    return layout.figure


def _reasons(run: Recorded) -> list[str]:
    reasons: list[str] = run.arrivals.filter(~pl.col("accepted"))["reason"].unique().to_list()
    return reasons


def shares(group: Group, liars: bool, reasons: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Middles of the windows, and (reasons, windows) shares; NaN where nothing arrived."""
    rows = pl.concat([run.arrivals.select("arrival", "byzantine", "reason") for run in group.runs])
    last = int(rows["arrival"].max() or 0) + 1  # type: ignore[arg-type]
    count = min(WINDOWS, max(1, last // 40))
    rows = rows.filter(pl.col("byzantine") == liars)
    window = (rows["arrival"].to_numpy() * count) // last
    arrivals = np.bincount(window, minlength=count)
    refused_counts = [np.bincount(window[(rows["reason"] == reason).to_numpy()], minlength=count) for reason in reasons]
    middles = (np.arange(count) + 0.5) * last / count
    with np.errstate(invalid="ignore"):
        return middles, np.stack(refused_counts) / arrivals


def _draw(axes: Axes, group: Group, liars: bool, looks: dict[str, tuple[str, str]]) -> None:
    middles, parts = shares(group, liars, list(looks))
    windows = np.isfinite(parts).all(axis=0)
    if not windows.any():
        return
    floor = np.zeros(int(windows.sum()))
    edges = middles[windows] if windows.sum() > 1 else np.array([0.0, 2 * middles[0]])
    edges[0] = 0.0
    for part, (colour, hatch) in zip(parts[:, windows], looks.values(), strict=True):
        top = floor + part
        low, high = (floor, top) if len(edges) == len(top) else (np.repeat(floor, 2), np.repeat(top, 2))
        axes.fill_between(edges, low, high, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0)
        floor = top
    axes.set_xlim(0, float(edges[-1]))
