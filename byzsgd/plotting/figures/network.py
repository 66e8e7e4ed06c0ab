"""Networks: who is whose neighbour, and who lies."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import networkx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path

from byzsgd.analysis.groups import Comparison, Recorded
from byzsgd.plotting.declaration import a_run, figure
from byzsgd.plotting.panels import Frame, dot, frame, more
from byzsgd.plotting.style import BYZANTINE, FAINT, HONEST, styled

Edges = Sequence[Sequence[int]]  # pairs of nodes

MOST_PANELS = 6
SIZE = 70  # square points: of a node


def graph(
    edges: Edges,
    num_workers: int,
    *,
    byzantine: Collection[int] = (),
    lying: Sequence[float] = (),
    caption: str = "",
) -> Figure:
    """The nodes and edges of a network, liars in the colour of liars, and as a wedge of this colour in every other node
    the share of lying weight around it; the same graph is always drawn alike."""
    with styled():
        layout = _frame([caption], "", [bool(byzantine)])
        _draw_graph(layout.axes[0, 0], edges, num_workers, byzantine, lying)
    return layout.figure


@figure(a_run("runs that recorded their graph", lambda run: run.info.get("graph")))
def network(comparison: Comparison) -> Figure:
    """The networks of the runs that recorded their `graph`: of each graph the liars of its first run."""
    runs_by_graph: dict[object, tuple[str, Recorded]] = {}
    keys = [key for key in comparison.keys if key.startswith(("scheme/graph", "scheme.graph", "scheme.mixing"))]
    for group in comparison.groups:
        for run in group.runs:
            if pairs := run.info.get("graph"):
                key = run.config["num_workers"], str(pairs)
                runs_by_graph.setdefault(key, (group.label(keys), run))
    runs = list(runs_by_graph.values())[:MOST_PANELS]
    alone = len(runs) == 1
    with styled():
        head = [_facts(runs[0][1]) if alone else "", more(len(runs_by_graph) - len(runs))]
        layout = _frame(head, comparison.caption(), [bool(_liars(run)) for _, run in runs])
        for axes, run in layout.panels(("" if alone else title, run) for title, run in runs):
            lying = run.info.get("lying_weights", ())
            _draw_graph(axes, run.info["graph"], int(run.config["num_workers"]), _liars(run), lying)
            if not alone:
                facts = _facts(run).replace(" · lying", "\nlying")
                axes.text(0.5, 0, facts, ha="center", va="top", color=FAINT, fontsize=7, transform=axes.transAxes)
    return layout.figure


def _liars(run: Recorded) -> Sequence[int]:
    return run.info.get("byzantine_ids") or ()


def _frame(facts: list[str], note: str, with_liars: Sequence[bool]) -> Frame:
    """A frame for so many networks, with a legend where somebody lies in any."""
    kinds = [("honest", HONEST), ("Byzantine", BYZANTINE)] if any(with_liars) else []
    marks = [dot(name, colour, size=None) for name, colour in kinds]
    return frame("Who is whose neighbour", facts, note, count=len(with_liars), legend=marks, height=2.8, sharex=False,
                 sharey=False)  # fmt: skip


def _facts(run: Recorded) -> str:
    """What a graph has to say of its mixing and its liars."""
    info = run.info
    facts = [f"spectral gap {info['spectral_gap']:.3g}"]
    if "honest_gap" in info:
        facts += [f"of the honest part {info['honest_gap']:.3g}", f"lying weight up to {info['lying_weight']:.2g}"]
        facts += [] if info["honest_connected"] else ["the liars cut it"]
    return " · ".join(facts)


def _draw_graph(axes: Axes, edges: Edges, num_workers: int, byzantine: Collection[int], lying: Sequence[float]) -> None:
    network = networkx.Graph()
    network.add_nodes_from(range(num_workers))
    network.add_edges_from(edges)
    steps = dict(networkx.all_pairs_shortest_path_length(network))
    far = 1 + max(max(each.values()) for each in steps.values())  # between pieces, as near as they can be told apart
    apart = {one: {other: steps[one].get(other, far) for other in network} for one in network}
    positions = networkx.kamada_kawai_layout(network, dist=apart) if num_workers > 1 else {0: np.zeros(2)}
    for one, other in edges:
        axes.plot(*np.array([positions[one], positions[other]]).T, color=FAINT, linewidth=0.7, zorder=1)
    for node, (x, y) in positions.items():
        axes.scatter(x, y, s=SIZE, color=BYZANTINE if node in byzantine else HONEST, zorder=2)
        if lying and lying[node] > 0:
            axes.scatter(x, y, s=SIZE, marker=_wedge(lying[node]), color=BYZANTINE, linewidth=0, zorder=2)
        axes.text(x, y, str(node), color="white", ha="center", va="center", fontsize=5.5, zorder=3)
    axes.margins(0.1)
    axes.set_aspect("equal")
    axes.axis("off")


def _wedge(share: float) -> Path:
    """The marker of a share of a disc, clockwise from the top."""
    angles = np.linspace(0.0, 2 * np.pi * share, 40)
    return Path(np.vstack([np.zeros(2), np.column_stack([np.sin(angles), np.cos(angles)])]))
