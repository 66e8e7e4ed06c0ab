"""One round of a tree: who was waited for, and who was dropped with all that is below."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzsgd.analysis.groups import Comparison, Recorded
from byzsgd.plotting.declaration import a_run, figure
from byzsgd.plotting.panels import dot, frame, more, name_panel
from byzsgd.plotting.style import BYZANTINE, FAINT, HONEST, INK, styled

MOST_PANELS = 3
NUMBERED = 40  # nodes of a layer up to which their ids are written


def _of_a_tree(run: Recorded) -> bool:
    return run.choices.get("scheme") == "tree" and bool(run.arrivals["updated"].any())


@figure(a_run("runs of scheme=tree with an update", _of_a_tree), columns=("worker", "read_at", "step", "updated"))
def tree(comparison: Comparison) -> Figure:
    """The tree of CodedReduce in the middle round of the first run of each setting. Lines: messages that a parent has
    taken; dots: children that it did not wait for. A node whose message never reaches the root is empty; one that lies
    is red. Its load is the share of the data that every node computes."""
    firsts = comparison.firsts(_of_a_tree)
    left_out = max(0, len(firsts) - MOST_PANELS)
    with styled():
        layout = frame("A round of the tree", [more(left_out)], comparison.caption(), count=len(firsts[:MOST_PANELS]),
                     columns=1, legend=_legend(), height=1.9, width=7.16, sharex=False)  # fmt: skip
        for axes, (label, run) in layout.panels(("", first) for first in firsts):
            name_panel(layout, axes, ": ".join(filter(None, (label, _draw(axes, run)))))
            axes.axis("off")
    return layout.figure


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color=INK, linewidth=0.9, label="taken"),
        Line2D([], [], color=FAINT, linewidth=0.9, linestyle=(0, (1, 1.5)), label="dropped"),
        dot("counts at the root", HONEST, size=5),
        dot("lost", HONEST, size=5, face="white"),
        dot("Byzantine", BYZANTINE, size=5),
    ]


def _draw(axes: Axes, run: Recorded) -> str:
    """Draws a round and says what it was."""
    scheme = run.config["scheme"]
    children, layers = int(scheme["children"]), int(scheme["layers"])
    number = int(run.arrivals.filter(pl.col("updated"))["step"][-1]) // 2
    rows = run.arrivals.filter(pl.col("read_at") == number)
    senders = set(rows["worker"].to_list())
    liars = set(run.info.get("byzantine_ids", ()))
    spot, node = {-1: (0.5, 0.0)}, 0
    counts = {-1: True}
    for layer in range(1, layers + 1):
        width = children**layer
        size = min(26.0, 420.0 / width)
        for column in range(width):
            parent = node // children - 1
            spot[node] = ((column + 0.5) / width, -float(layer))
            counts[node] = node in senders and counts[parent]
            sends = node in senders
            axes.plot(*zip(spot[parent], spot[node], strict=True), zorder=1, linewidth=0.8,
                      color=INK if sends else FAINT, linestyle="-" if sends else (0, (1, 1.5)))  # fmt: skip
            colour = BYZANTINE if node in liars else HONEST
            axes.scatter(*spot[node], s=size, zorder=2, color=colour if counts[node] else "white", edgecolors=colour,
                         linewidths=0.9)  # fmt: skip
            if width <= NUMBERED:
                axes.annotate(str(node), spot[node], xytext=(0, -7) if layer == layers else (-7, 0),
                              textcoords="offset points", ha="center" if layer == layers else "right",
                              va="top" if layer == layers else "center", fontsize=6, color=FAINT)  # fmt: skip
            node += 1
    axes.scatter(*spot[-1], s=30, marker="s", color=INK, zorder=2)
    axes.set_ylim(-layers - 0.45, 0.2)
    load = f", each computes {float(rows['load'].to_numpy().mean()):.3g} of the data" if "load" in rows.columns else ""
    return f"round {number}, {sum(counts.values()) - 1} of {node} workers count{load}"
