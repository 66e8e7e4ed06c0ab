"""How far the nodes of a network are from agreeing."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from byzsgd.analysis.curves import AXIS_LABEL, band
from byzsgd.analysis.groups import Comparison, Group
from byzsgd.plotting.curves import draw_curve, groups_with, spread
from byzsgd.plotting.declaration import Need, figure
from byzsgd.plotting.panels import arrange, frame_of, label_outside, plain_log
from byzsgd.plotting.style import styled

LEAST = 1e-16  # of what a line of theory is drawn down to
EQUAL = 1e-9  # of the widest: at the start all models are equal but for rounding


@figure(Need("runs of nodes with models of their own", lambda comparison: bool(groups_with(comparison, "consensus"))))
def consensus(comparison: Comparison) -> Figure:
    """(1/h)·Σ ‖x_i − x̄‖² against updates, one curve for each group; dotted, how fast theory lets the widest of it fall
    without gradients: by ρ² a round."""
    groups = groups_with(comparison, "consensus")
    arrangement = arrange(comparison)
    with styled():
        curves = {id(group): band(group, "consensus", "updates") for group in groups}
        title = "Distance of the nodes from their mean"
        layout = frame_of(comparison, arrangement, title, [spread(groups)], groups)
        for axes, members in layout.panels(arrangement.panels):
            for group in members:
                if (curve := curves.get(id(group))) is not None:
                    look = arrangement.look(group)
                    draw_curve(axes, curve, look)
                    axes.plot(*_slope(group, curve.x, curve.middle), color=look.colour, linestyle=":", linewidth=0.8)
        apart = np.concatenate([curve.middle for curve in curves.values()])
        first = layout.axes[0, 0]
        if (widest := float(apart.max())) > 0:
            first.set_yscale("log")
            first.set_ylim(bottom=0.5 * float(apart[apart > EQUAL * widest].min()))
            plain_log(first.yaxis)
        first.set_xlim(left=0)
        label_outside(layout, AXIS_LABEL["updates"], "mean squared distance")
    return layout.figure


def _slope(group: Group, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line of theory from the largest value on; empty where the graph has no spectral gap to tell."""
    run = group.runs[0]
    gap = run.info.get("spectral_gap")
    if gap is None:
        return np.empty(0), np.empty(0)
    widest = int(np.argmax(y))
    rounds = (x[widest:] - x[widest]) / float(run.config["num_workers"])
    line = y[widest] * max(1.0 - float(gap), 0.0) ** (2 * rounds)
    visible = line > LEAST
    return x[widest:][visible], line[visible]
