"""Networks: who is whose neighbour and who lies, and how far the nodes are from agreeing."""

from __future__ import annotations

from collections.abc import Sequence

import networkx
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzsgd.analysis.bands import AXIS_LABEL, band
from byzsgd.analysis.groups import Comparison, Group, NothingToDraw

from .panels import arrange, frame, handle, label_outside, more, plain_log
from .progress import draw_curve, spread
from .style import BYZANTINE, FAINT, HONEST, styled

LEAST = 1e-16  # of what a line of theory is drawn down to
EQUAL = 1e-9  # of the widest: at the start all models are equal but for rounding


def graph(
    edges: Sequence[tuple[int, int]],
    num_workers: int,
    *,
    byzantine: Sequence[int] = (),
    caption: str = "",
) -> Figure:
    """The nodes and edges of a network, liars in the colour of liars; the same graph is always drawn alike."""
    network = networkx.Graph()
    network.add_nodes_from(range(num_workers))
    network.add_edges_from(edges)
    places = networkx.kamada_kawai_layout(network) if num_workers > 1 else {0: np.zeros(2)}
    with styled():
        kinds = [("honest", HONEST), *([("Byzantine", BYZANTINE)] if len(byzantine) else [])]
        marks = [Line2D([], [], linestyle="none", marker="o", color=colour, label=name) for name, colour in kinds]
        made = frame("Who is whose neighbour", [caption], legend=marks if len(byzantine) else [], height=2.8)
        axes = made.axes[0, 0]
        for one, other in edges:
            axes.plot(*np.array([places[one], places[other]]).T, color=FAINT, linewidth=0.7, zorder=1)
        for node, place in places.items():
            axes.scatter(*place, s=70, color=BYZANTINE if node in byzantine else HONEST, zorder=2)
            axes.text(*place, str(node), color="white", ha="center", va="center", fontsize=5.5, zorder=3)
        axes.set_aspect("equal")
        axes.axis("off")
    return made.figure


def recorded_graph(comparison: Comparison) -> Figure:
    """The network of the first run that recorded its `graph`."""
    for run in comparison.runs:
        info = run.info
        if info.get("graph"):
            said = [f"spectral gap {info['spectral_gap']:.3g}"]
            if "honest_gap" in info:
                said += [f"of the honest part {info['honest_gap']:.3g}", f"lying weight {info['lying_weight']:.2g}"]
                said += [] if info["honest_connected"] else ["the liars cut it"]
            edges = [(int(one), int(other)) for one, other in info["graph"]]
            return graph(edges, int(run.config["num_workers"]), byzantine=info.get("byzantine_ids") or (),
                         caption=" · ".join(said))  # fmt: skip
    raise NothingToDraw("a picture of a network needs runs that recorded their graph; got none")


def consensus(comparison: Comparison) -> Figure:
    """(1/h)·Σ ‖x_i − x̄‖² against updates, one curve for each group; dotted, how fast theory lets the widest of it fall
    without gradients: by ρ² a round."""
    groups = [group for group in comparison.groups if "consensus" in group.runs[0].metrics.columns]
    if not groups:
        raise NothingToDraw("consensus needs runs of nodes with models of their own; got none")
    arrangement = arrange(comparison)
    with styled():
        curves = [(group, band(group, "consensus", "updates")) for group in groups]
        made = frame(
            "Distance of the nodes from their mean",
            [spread(groups), more(arrangement.left_out)],
            comparison.caption(),
            legend=[handle(text, look) for text, look in arrangement.entries(groups)],
            height=2.25,
        )
        axes = made.axes[0, 0]
        for group, curve in curves:
            look = arrangement.look(group)
            draw_curve(axes, curve, look)
            axes.plot(*_slope(group, curve.x, curve.middle), color=look.colour, linestyle=":", linewidth=0.8)
        widest = max(float(curve.middle.max()) for _, curve in curves)
        if widest > 0:
            apart = np.concatenate([curve.middle for _, curve in curves])
            axes.set_yscale("log")
            axes.set_ylim(bottom=0.5 * float(apart[apart > EQUAL * widest].min()))
            plain_log(axes)
        axes.set_xlim(left=0)
        label_outside(made, AXIS_LABEL["updates"], "mean squared distance")
    return made.figure


def _slope(group: Group, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line of theory from the largest value on; empty where the graph has no spectral gap to tell."""
    run = group.runs[0]
    gap = run.info.get("spectral_gap")
    if gap is None:
        return np.empty(0), np.empty(0)
    widest = int(np.argmax(y))
    rounds = (x[widest:] - x[widest]) / float(run.config["num_workers"])
    line = y[widest] * max(1.0 - float(gap), 0.0) ** (2 * rounds)
    shown = line > LEAST
    return x[widest:][shown], line[shown]
