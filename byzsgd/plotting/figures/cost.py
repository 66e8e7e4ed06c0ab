"""What accuracy costs where instances are paid by the second."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from byzsgd.analysis.groups import Comparison, Recorded, diverged
from byzsgd.plotting.curves import show_shares
from byzsgd.plotting.declaration import a_run, figure
from byzsgd.plotting.panels import label_outside, of_runs
from byzsgd.plotting.style import INK, styled


@figure(a_run("runs whose workers have a price", lambda run: len(_evaluations_with_cost(run))))
def cost(comparison: Comparison) -> Figure:
    """Accuracy against the money spent so far: a thin line for each run, its end marked; the upper left is best.

    For volatile instances (Zhang, Wang, Joshi, Joe-Wong; INFOCOM 2020, arXiv 2003.05649).
    """
    with styled():
        layout, lines = of_runs(comparison, "Test accuracy against cost")
        for axes, run, look in lines:
            rows = _evaluations_with_cost(run)
            if len(rows):
                axes.plot(rows["cost"], rows["test_accuracy"], color=look.colour, linestyle=look.dash, linewidth=0.9,
                          alpha=0.7)  # fmt: skip
                mark = "X" if diverged(run) else look.marker
                axes.plot(rows["cost"][-1], rows["test_accuracy"][-1], marker=mark, color=look.colour, markersize=5,
                          markeredgecolor=INK, markeredgewidth=0.5, zorder=4)  # fmt: skip
        show_shares(layout.axes[0, 0])
        layout.axes[0, 0].set_xlim(left=0)
        label_outside(layout, "cost so far (price units)", "test accuracy")
    return layout.figure


def _evaluations_with_cost(run: Recorded) -> pl.DataFrame:
    """Evaluations with a cost; none where nothing was ever paid."""
    there = {"cost", "test_accuracy"} <= set(run.metrics.columns)
    if not there or not (run.metrics["cost"].fill_null(0.0) > 0).any():
        return run.metrics.clear()
    return run.metrics.filter(pl.col("cost").is_not_null() & pl.col("test_accuracy").is_not_null())
