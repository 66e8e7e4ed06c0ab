"""Where the runs ended: final accuracy and how far the seeds spread."""

from __future__ import annotations

import math
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure

from byzsgd.analysis.estimates import estimate
from byzsgd.analysis.groups import Comparison
from byzsgd.analysis.outcomes import measure_of, outcome
from byzsgd.plotting.curves import spread
from byzsgd.plotting.declaration import Need, figure
from byzsgd.plotting.panels import arrange, beside, frame, label_outside, more
from byzsgd.plotting.style import FAINT, INK, styled

MOST_BARS = 60


def _has_final(comparison: Comparison, metric: str | None = None) -> bool:
    metric = metric or measure_of(comparison.runs)
    return any(math.isfinite(outcome(run, metric)) for run in comparison.runs)


@figure(Need("runs with a final value of what they are judged by", _has_final))
def bars(comparison: Comparison, *, metric: str | None = None) -> Figure:
    """One bar for each setting: the median over seeds, with a line for their spread, and a dot for each seed that did
    not diverge. `metric=None`: accuracy, or the loss where the problem knows none."""
    metric = metric or measure_of(comparison.runs)
    finals = {id(group): [outcome(run, metric) for run in group.runs] for group in comparison.groups}
    arrangement = arrange(comparison)
    names = [
        [group.label([arrangement.hue] if arrangement.hue else []) for group in groups[:MOST_BARS]]
        for _, groups in arrangement.panels
    ]
    alike = all(panel == names[0] for panel in names)
    most = max(len(panel) for panel in names)
    with styled():
        layout = frame(
            f"Final {metric.replace('_', ' ')}",
            [spread(comparison.groups), "dots: seeds", more(arrangement.left_out)],
            comparison.caption(),
            count=len(arrangement.panels),
            columns=min(3, len(arrangement.panels), beside(1.6)),
            height=0.65 + 0.19 * most + 0.1 * bool(comparison.keys),
            sharey=False,
        )
        for number, (axes, groups) in enumerate(layout.panels(arrangement.panels)):
            for row, group in enumerate(groups[:MOST_BARS]):
                final = estimate(finals[id(group)])
                values = [value for value in finals[id(group)] if math.isfinite(value)]
                look = arrangement.look(group)
                if math.isfinite(final.middle):
                    axes.barh(row, final.middle, height=0.68, color=look.colour, alpha=0.75, linewidth=0)
                if final.high > final.low:
                    middle = (final.low + final.high) / 2  # of the line, which needs no bar
                    axes.errorbar(middle, row, xerr=middle - final.low, color=INK, linewidth=0.9, capsize=1.8,
                                  zorder=3)  # fmt: skip
                jitter = [offset for _, offset in zip(values, cycle((-0.15, 0.15, 0.0)), strict=False)]
                axes.plot(values, row + np.array(jitter), "o", color="white", markersize=2.6, markeredgecolor=INK,
                          markeredgewidth=0.5, zorder=4)  # fmt: skip
                if group.diverged:
                    x = 0.03 if not math.isfinite(final.middle) else 0.6
                    axes.text(x, row, f"{group.diverged}/{len(group.runs)} diverged", va="center", fontsize=6,
                              color=FAINT, transform=axes.get_yaxis_transform())  # fmt: skip
            axes.set_yticks(range(len(names[number])), names[number])
            axes.tick_params(axis="y", length=0, labelleft=not alike or number % layout.axes.shape[1] == 0)
            axes.set_ylim(most - 0.4, -0.6)
            axes.grid(visible=False, axis="y")
        if metric.endswith("accuracy"):
            layout.axes[0, 0].set_xlim(0, 1.03)
            layout.axes[0, 0].set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
        label_outside(layout, metric.replace("_", " "), "")
    return layout.figure
