"""How many bits a coordinate is sent with, update by update."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from byzsgd.analysis.groups import Comparison, Recorded
from byzsgd.plotting.declaration import a_run, figure
from byzsgd.plotting.panels import label_outside, of_runs
from byzsgd.plotting.style import styled


@figure(
    a_run("runs whose messages differ in length", lambda run: run.arrivals["bits"].n_unique() > 1),
    columns=("bits", "read_at_true"),
)
def bits(comparison: Comparison) -> Figure:
    """Mean bits of a coordinate over the messages computed on each version of the model: a thin line for each run.

    For compressors whose messages differ in length: DQ-SGD (Yan et al., 2021, arXiv 2107.14575), AdaQuantFL
    (Jhunjhunwala et al., ICASSP 2021, arXiv 2102.04487), QSGD with an entropy code.
    """
    with styled():
        layout, lines = of_runs(comparison, "Bits of a coordinate against updates")
        for axes, run, look in lines:
            rows = _by_version(run)
            axes.plot(rows["read_at_true"], rows["bits"], color=look.colour, linestyle=look.dash, linewidth=0.9,
                      alpha=0.7)  # fmt: skip
        layout.axes[0, 0].set_xlim(left=0)
        layout.axes[0, 0].set_ylim(bottom=0)
        label_outside(layout, "server updates before the model that was read", "bits of a coordinate")
    return layout.figure


def _by_version(run: Recorded) -> pl.DataFrame:
    """Mean bits of a coordinate by version; of a message where nobody knows d."""
    size = int(run.info.get("num_parameters") or 1)
    return run.arrivals.group_by("read_at_true").agg(pl.col("bits").mean() / size).sort("read_at_true")
