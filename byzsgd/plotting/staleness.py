"""How old the vectors are on arrival: the distribution of staleness, honest and Byzantine."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from byzsgd.analysis.groups import Comparison, Group, NothingToDraw

from .panels import frame, kind_handles, label_outside, more, remark
from .style import BYZANTINE, HONEST, styled

MOST_PANELS = 12
MOST_BARS = 60


def staleness(comparison: Comparison) -> Figure:
    """Share of the vectors of each kind that arrived with each staleness, all seeds together; the dotted lines are the
    means."""
    groups = [group for group in comparison.groups if any(len(run.arrivals) for run in group.runs)]
    if not groups:
        raise NothingToDraw("staleness needs delivered vectors; got none")
    left_out = max(0, len(groups) - MOST_PANELS)
    groups = groups[:MOST_PANELS]
    ages = [tuple(_ages(group, liars) for liars in (False, True)) for group in groups]
    everything = np.concatenate([age for pair in ages for age in pair])
    top = max(1, int(np.quantile(everything, 0.998)) + 1)
    edges = np.arange(0, top + (width := max(1, -(-top // MOST_BARS))) + 1, width) - 0.5
    with styled():
        made = frame(
            "Staleness of the delivered vectors",
            more(comparison.caption() + " · largest " + str(int(everything.max())), left_out),
            count=len(groups),
            legend=[
                Patch(color=HONEST, alpha=0.35, linewidth=0, label="honest"),
                *kind_handles()[1 : 1 + any(len(liars) for _, liars in ages)],
            ],
            height=2.1 if len(groups) == 1 else 1.6,
        )
        for axes, group, (honest, liars) in zip(made.axes.flat, groups, ages, strict=False):
            if comparison.keys:
                axes.set_title(group.label(comparison.keys))
            drawn = _draw(axes, honest, edges, liars=False) + _draw(axes, liars, edges, liars=True)
            if not drawn:
                remark(axes, "nothing arrived")
        made.axes[0, 0].set_xlim(-0.5 - 0.02 * top, edges[-1])
        made.axes[0, 0].set_ylim(bottom=0)
        label_outside(made, "staleness (updates since the worker's read)", "share of vectors")
        if len(groups) > 1:
            label_outside(made, "staleness (updates)", "share of vectors")
    return made.figure


def _ages(group: Group, liars: bool) -> np.ndarray:
    return np.concatenate(
        [run.arrivals.filter(pl.col("byzantine") == liars)["staleness"].to_numpy() for run in group.runs]
    )


def _draw(axes: Axes, ages: np.ndarray, edges: np.ndarray, *, liars: bool) -> int:
    if not len(ages):
        return 0
    colour = BYZANTINE if liars else HONEST
    shares = np.histogram(np.minimum(ages, edges[-1]), edges)[0] / len(ages)
    axes.stairs(
        shares, edges, color=colour, fill=not liars, alpha=1 if liars else 0.35, linewidth=1.3,
        linestyle=(0, (4, 1.5)) if liars else "-", zorder=3 if liars else 2,
    )  # fmt: skip
    axes.axvline(float(ages.mean()), color=colour, linestyle=(0, (1, 1.5)), linewidth=1.1, zorder=4)
    return len(ages)
