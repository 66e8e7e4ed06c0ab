"""What this is about, in one picture: who works when, who lies, and what becomes of the model."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from byzsgd.analysis.curves import AXIS_LABEL, Axis, band
from byzsgd.analysis.groups import Comparison, NothingToDraw
from byzsgd.analysis.outcomes import accepted
from byzsgd.plotting.curves import draw_curve, draw_ends, show_shares, spread
from byzsgd.plotting.figures.timeline import draw_jobs, job_handles
from byzsgd.plotting.panels import arrange, cross, frame, handle
from byzsgd.plotting.style import DOUBLE, FAINT, styled

MOST_PANELS = 4


def overview(
    comparison: Comparison,
    *,
    x: Axis = "time",
    title: str = "",
    caption: str | None = None,
) -> Figure:
    """Above: accuracy of the servers, a panel for each attack, with bands as in `progress`. Below: a stretch of the run
    that refused the largest share of Byzantine vectors, job by job."""
    arrangement = arrange(comparison)
    panels = arrangement.panels[:MOST_PANELS]
    groups = [group for _, members in panels for group in members]
    runs = [run for group in groups for run in group.runs if len(run.arrivals) and not np.isnan(_let_in(run))]
    if not runs:
        raise NothingToDraw("an overview needs runs with Byzantine vectors; got none")
    example = min(runs, key=_let_in)
    bands = {id(group): band(group, "test_accuracy", x) for group in groups}
    workers = min(15, int(example.arrivals["worker"].max()) + 1)  # type: ignore[arg-type]
    handles = [handle(text, look) for text, look in arrangement.entries(groups)]
    with styled():
        layout = frame(
            title or "Accuracy of each server, and who computed what when",
            [spread(groups) if caption is None else caption],
            comparison.caption(),
            count=2 * len(panels),
            columns=len(panels),
            legend=[*handles, *[cross()] * any(curve.ends for curve in bands.values()), *job_handles()],
            height=1.85,
            width=DOUBLE,
            sharex=False,
            sharey=False,
        )
        grid = layout.axes[0, 0].get_gridspec()
        for axes in layout.axes[1]:
            axes.remove()
        end = max(float(curve.x[-1]) for curve in bands.values())
        for column, (axes, members) in enumerate(layout.panels(panels)):
            show_shares(axes)
            axes.set_xlim(0, end)
            axes.set_xlabel(AXIS_LABEL[x])
            axes.tick_params(labelleft=column == 0)
            for group in members:
                draw_curve(axes, bands[id(group)], arrangement.look(group))
                draw_ends(axes, bands[id(group)], arrangement.look(group))
        layout.axes[0, 0].set_ylabel("test accuracy")
        below = layout.figure.add_subplot(grid[1, :])
        draw_jobs(below, example, None, None, workers)
        below.set_xlabel("virtual time (s)")
        below.set_ylabel("worker")
        choices = example.choices
        setting = " under ".join(str(choices[key]) for key in ("aggregator", "attack") if key in choices)
        below.set_title(f"A moment of {setting.replace('_', ' ')}", pad=13)
        below.tick_params(axis="y", labelcolor=FAINT, labelsize=6)
    return layout.figure


def _let_in(run: object) -> float:
    return accepted(run, byzantine=True)  # type: ignore[arg-type]
