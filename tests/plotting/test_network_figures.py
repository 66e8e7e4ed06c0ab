"""Figures of networks: the graph with its liars, agreement beside theory's rate."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest
from made_up_runs import run
from matplotlib.colors import to_hex

from byzsgd.analysis import NothingToDraw, compare
from byzsgd.plotting import consensus, graph
from byzsgd.plotting.network import recorded_graph
from byzsgd.plotting.style import BYZANTINE, HONEST

RING = [[0, 1], [1, 2], [2, 3], [0, 3]]


def network_run(seed=0, gap=0.5):
    """A made-up run whose nodes agree better and better."""
    made = run(seed=seed, n=4)
    count = len(made.metrics)
    metrics = made.metrics.with_columns(consensus=pl.Series(0.9 ** np.arange(count) * (1 + seed)))
    facts = {"graph": RING, "spectral_gap": gap, "honest_gap": 0.1, "lying_weight": 1 / 3, "honest_connected": False}
    config = {**made.config, "num_workers": 4}
    return dataclasses.replace(made, metrics=metrics, config=config, info={**made.info, **facts, "byzantine_ids": [2]})


def test_liars_have_the_colour_of_liars_and_the_gap_is_said():
    figure = recorded_graph(compare([network_run()]))
    axes = figure.axes[0]
    assert len(axes.lines) == len(RING)
    colours = [to_hex(points.get_facecolor()[0]).lower() for points in axes.collections]
    assert colours == [HONEST.lower()] * 2 + [BYZANTINE.lower()] + [HONEST.lower()]
    said = " ".join(text.get_text() for text in figure.texts).replace("\u00a0", " ")
    assert "spectral gap 0.5" in said
    assert "the liars cut it" in said


def test_one_node_is_a_picture_too():
    assert len(graph([], 1).axes[0].collections) == 1


def test_the_line_of_theory_falls_by_the_square_of_rho_a_round():
    figure = consensus(compare([network_run(gap=0.5)]))
    curve, theory = figure.axes[0].lines
    x, y = theory.get_data()
    assert y[0] == curve.get_ydata().max()
    np.testing.assert_allclose(np.log(y), np.log(y[0]) + 2 * np.log(0.5) * (x - x[0]) / 4)
    assert figure.axes[0].get_yscale() == "log"


@pytest.mark.parametrize("draw", [recorded_graph, consensus])
def test_runs_of_a_server_have_nothing_to_draw(draw):
    with pytest.raises(NothingToDraw):
        draw(compare([run()]))
