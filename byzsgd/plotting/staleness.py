"""How old the vectors are on arrival: the distribution of staleness, honest and Byzantine."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from byzsgd.analysis.groups import Comparison, NothingToDraw, Recorded

from .panels import frame, kind_handles, label_outside, more, name_panel, remark
from .style import BYZANTINE, HONEST, styled

MOST_PANELS = 12
MOST_BARS = 60


def staleness(comparison: Comparison) -> Figure:
    """Share of the vectors of each kind that arrived with each staleness, all seeds together; the dotted lines are the
    means."""
    if not any(len(run.arrivals) for run in comparison.runs):
        raise NothingToDraw("staleness needs delivered vectors; got none")
    panels, note = _panels(comparison)
    shown = dict(list(panels.items())[:MOST_PANELS])
    ages = [tuple(_ages(runs, liars) for liars in (False, True)) for runs in shown.values()]
    largest = max(int(age.max()) for pair in ages for age in pair if len(age))
    with styled():
        made = frame(
            "Staleness of the delivered vectors",
            more(f"{comparison.caption()}{note} · dotted: mean, largest: {largest}", len(panels) - len(shown)),
            count=len(shown),
            legend=[
                Patch(color=HONEST, alpha=0.35, linewidth=0, label="honest"),
                *kind_handles()[1 : 1 + any(len(liars) for _, liars in ages)],
            ],
            height=2.1 if len(shown) == 1 else 1.6,
            sharex=False,
            sharey=False,
        )
        for axes, title, (honest, liars) in zip(made.axes.flat, shown, ages, strict=False):
            if title:
                name_panel(made, axes, title)
            edges = _edges(np.concatenate([honest, liars]))
            drawn = _draw(axes, honest, edges, liars=False) + _draw(axes, liars, edges, liars=True)
            if not drawn:
                remark(axes, "nothing arrived")
            axes.set_xlim(edges[0] - 0.02 * len(edges), edges[-1])
            axes.set_ylim(bottom=0)
        of = "staleness (updates)" if len(shown) > 1 else "staleness (updates since the worker's read)"
        label_outside(made, of, "share of vectors")
    return made.figure


def _edges(ages: np.ndarray) -> np.ndarray:
    """Bars of whole numbers up to all but the last two in a thousand."""
    top = max(1, int(np.quantile(ages, 0.998)) + 1) if len(ages) else 1
    width = max(1, -(-top // MOST_BARS))
    return np.arange(0, top + width + 1, width) - 0.5


def _panels(comparison: Comparison) -> tuple[dict[str, list[Recorded]], str]:
    """Runs by panel. Few attacks change who is late: where there are too many panels, attacks share one."""
    keys, note = comparison.keys, ""
    if len(comparison.groups) > MOST_PANELS and "attack" in keys and len(keys) > 1:
        keys, note = tuple(key for key in keys if key != "attack"), " · all attacks together"
    panels: dict[str, list[Recorded]] = {}
    for group in comparison.groups:
        panels.setdefault(group.label(keys) if keys else "", []).extend(group.runs)
    return panels, note


def _ages(runs: list[Recorded], liars: bool) -> np.ndarray:
    return np.concatenate([run.arrivals.filter(pl.col("byzantine") == liars)["staleness"].to_numpy() for run in runs])


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
