"""Figures of networks: the graph with its liars, agreement beside theory's rate."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from made_up_runs import RING, network_run, run
from matplotlib.colors import to_hex

from byzsgd.analysis import NothingToDraw, compare
from byzsgd.plotting import consensus, graph, heatmap, network, progress
from byzsgd.plotting.style import BYZANTINE, HONEST


def test_liars_have_the_colour_of_liars_and_the_gap_is_said():
    figure = network(compare([network_run()]))
    axes = figure.axes[0]
    assert len(axes.lines) == len(RING)
    colours = [to_hex(points.get_facecolor()[0]).lower() for points in axes.collections]
    assert colours == [HONEST.lower()] * 2 + [BYZANTINE.lower()] + [HONEST.lower()]
    said = " ".join(text.get_text() for text in figure.texts).replace("\u00a0", " ")
    assert "spectral gap 0.5" in said
    assert "the liars cut it" in said


def test_a_wedge_is_the_share_of_lying_weight_around_a_node():
    figure = graph(RING, 4, byzantine=[2], lying=[0, 0.25, 0, 0.5])
    wedges = [points for points in figure.axes[0].collections if len(points.get_paths()[0].vertices) == 41]
    assert [to_hex(wedge.get_facecolor()[0]).lower() for wedge in wedges] == [BYZANTINE.lower()] * 2
    ends = [wedge.get_paths()[0].vertices[-1] for wedge in wedges]
    np.testing.assert_allclose(ends, [[0.5, 0], [0, -0.5]], atol=1e-12)  # markers are of diameter 1


def titles(figure):
    return [axes.get_title(loc="left").replace("\n", " ") for axes in figure.axes]


def test_every_graph_is_drawn_once_and_named():
    pieces = [[0, 1], [1, 2]]  # node 3 is heard by nobody
    runs = [network_run(seed, scheme_graph=name, graph=edges) for seed in range(2)
            for name, edges in (("ring", RING), ("file", pieces))]  # fmt: skip
    figure = network(compare(runs))
    assert [len(axes.lines) for axes in figure.axes] == [4, 2]
    assert all(len(axes.collections) == 4 for axes in figure.axes)
    assert titles(figure) == ["ring graph", "file graph"]
    assert all(axes.texts[-1].get_text().startswith("spectral gap 0.5") for axes in figure.axes)
    places = np.array([points.get_offsets()[0] for points in figure.axes[1].collections])
    distances = np.linalg.norm(places[:, None] - places, axis=-1)[~np.eye(4, dtype=bool)]
    assert distances.max() < 6 * distances.min()  # a piece apart does not squeeze the others into a point


def test_a_heatmap_has_rules_as_rows_attacks_as_columns_and_graphs_as_panels():
    settings = product(("ring", "torus"), ("mean", "rfa", "clipped"), ("none", "ipm"), range(2))
    runs = [network_run(seed, scheme_graph=on, scheme_rule=rule, attack=attack) for on, rule, attack, seed in settings]
    figure = heatmap(compare(runs))
    assert list(filter(None, titles(figure))) == ["ring graph", "torus graph"]  # the bar of colours has none
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["mean rule", "rfa rule", "clipped rule"]
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["no attack", "ipm"]
    assert "of each rule under each attack" in figure.texts[0].get_text()


def test_the_accuracy_of_nodes_has_a_band_from_the_worst_to_the_best():
    runs = [network_run(seed, scheme_rule=rule) for rule in ("mean", "clipped") for seed in range(3)]
    figure = progress(compare(runs), metric="node_accuracy", x="arrivals")
    (axes,) = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["mean rule", "clipped rule"]
    for line, area, group in zip(axes.lines, axes.collections, compare(runs).groups, strict=True):
        middle, worst, best = (
            np.median([run.metrics[name] for run in group.runs], axis=0)
            for name in ("node_accuracy", "worst_accuracy", "best_accuracy")
        )
        np.testing.assert_allclose(line.get_ydata(), middle)
        corners = area.get_paths()[0].vertices[:, 1]
        assert corners.min() == pytest.approx(worst.min())
        assert corners.max() == pytest.approx(best.max())
    assert "from the worst to the best honest node" in " ".join(text.get_text() for text in figure.texts).replace(
        "\u00a0", " "
    )


def test_one_node_is_a_picture_too():
    assert len(graph([], 1).axes[0].collections) == 1


def test_the_line_of_theory_falls_by_the_square_of_rho_a_round():
    figure = consensus(compare([network_run(gap=0.5)]))
    curve, theory = figure.axes[0].lines
    x, y = theory.get_data()
    assert y[0] == curve.get_ydata().max()
    np.testing.assert_allclose(np.log(y), np.log(y[0]) + 2 * np.log(0.5) * (x - x[0]) / 4)
    assert figure.axes[0].get_yscale() == "log"


def test_the_distance_of_nodes_has_a_panel_for_what_no_colour_says():
    runs = [
        network_run(scheme_graph=graph, scheme_rule=rule)
        for graph in ("ring", "complete")
        for rule in ("mean", "clipped")
    ]
    panels = consensus(compare(runs)).axes
    assert len(panels) == 2 and len({axes.get_title(loc="left") for axes in panels}) == 2
    assert all(len(axes.lines) == 4 for axes in panels)  # two curves, and theory for each


@pytest.mark.parametrize("draw", [network, consensus])
def test_runs_of_a_server_have_nothing_to_draw(draw):
    with pytest.raises(NothingToDraw):
        draw(compare([run()]))
