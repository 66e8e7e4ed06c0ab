"""What each figure shows."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from made_up_runs import run, sweep

from byzsgd.analysis import NothingToDraw, compare
from byzsgd.analysis.colours import SERVERS
from byzsgd.plotting import acceptance, coefficients, progress, staleness
from byzsgd.plotting.acceptance import windowed
from byzsgd.plotting.style import server_looks


def texts(figure):
    found = [text.get_text() for text in figure.texts]
    for legend in figure.legends:
        found += [text.get_text() for text in legend.get_texts()]
    return [text.replace("\u00a0", " ") for text in found]


def panels(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_one_curve_for_each_server_and_one_panel_for_each_attack():
    figure = progress(compare(sweep(("asgd", "kardam"), ("none", "reversed", "lie"), 3)))
    assert panels(figure) == ["no attack", "reversed", "lie"]
    assert texts(figure)[0] == "Test accuracy against updates"
    assert texts(figure)[-3:] == ["asgd", "kardam", "diverged"]
    none, reversed_, _ = figure.axes
    assert len(none.lines) == 2
    assert len(reversed_.lines) == 2 + 3  # and a cross for each diverged seed
    assert none.get_ylim() == reversed_.get_ylim() == (0, 1.02)
    assert len(none.collections) == 2  # bands


@pytest.mark.parametrize(("x", "label"), [("time", "virtual time (s)"), ("arrivals", "delivered vectors")])
def test_the_axis_is_named(x, label):
    figure = progress(compare([run()]), x=x)
    assert figure.axes[0].get_xlabel() == label
    assert figure.axes[0].get_ylabel() == "test accuracy"
    assert not figure.legends  # one curve needs none


def test_how_many_diverged_is_said():
    figure = progress(compare(sweep(("asgd", "kardam"), ("reversed",), 3)))
    assert "asgd (3 of 3 diverged)" in texts(figure)
    assert "kardam" in texts(figure)


def test_losses_are_logarithmic_and_an_overflow_squeezes_nothing():
    figure = progress(compare(sweep(("asgd", "kardam"), ("reversed",), 1)), metric="test_loss")
    axes = figure.axes[0]
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[1] < 1e4
    crosses = [line for line in axes.lines if line.get_marker() == "X"]
    assert crosses and all(line.get_ydata()[0] <= axes.get_ylim()[1] for line in crosses)


def test_short_numbers_of_a_logarithmic_axis_are_written_out():
    (axes,) = progress(compare([run()]), metric="test_loss").axes
    figure_of = axes.figure
    figure_of.canvas.draw()
    shown = {text.get_text() for text in (*axes.get_yticklabels(), *axes.get_yticklabels(minor=True))}
    assert {"1", "2"} <= shown
    assert not any("times" in text for text in shown)


def test_the_same_server_looks_the_same_in_every_figure():
    def colour(servers, server):
        figure = progress(compare(sweep(servers, ("none",), 1)))
        order = sorted(servers)
        return figure.axes[0].lines[order.index(server)].get_color()

    assert colour(("asgd", "kardam"), "kardam") == colour(("dynsgd", "kardam", "krum", "zeno_pp"), "kardam")


def test_no_two_servers_of_a_figure_look_alike():
    looks = server_looks([*SERVERS[:24], "my_rule", "your_rule", "a_third"])
    assert len({(look.colour, str(look.dash)) for look in looks.values()}) == 27
    assert looks["kardam"] == server_looks(["kardam"])["kardam"]


def test_acceptance_of_one_setting_tells_honest_from_byzantine():
    figure = acceptance(compare([run(seed=seed) for seed in range(3)]))
    (axes,) = figure.axes
    honest, liars = (line.get_ydata() for line in axes.lines)
    assert honest.mean() > 0.7
    assert liars.max() == 0.0
    assert texts(figure)[-2:] == ["honest", "Byzantine"]


def test_acceptance_of_several_has_a_row_for_each_kind():
    figure = acceptance(compare(sweep(("asgd", "kardam"), ("none", "lie"), 2)))
    assert len(figure.axes) == 4
    asgd, kardam = figure.axes[3].lines  # Byzantine vectors under `lie`
    assert asgd.get_ydata().min() == 1.0
    assert kardam.get_ydata().max() == 0.0


def test_a_window_counts_its_own_vectors():
    rows = run(arrivals=4).arrivals.with_columns(
        byzantine=pl.Series([False, False, True, False]), accepted=pl.Series([True, False, True, True])
    )
    short = dataclasses.replace(run(), arrivals=rows)
    shares = windowed(short, np.array([0.0, 2.0, 4.0]), False, "arrivals")
    assert shares.tolist() == [0.5, 1.0]
    assert math.isnan(windowed(short, np.array([0.0, 2.0, 4.0]), True, "arrivals")[0])


def test_coefficients_show_every_vector_judged():
    figure = coefficients(compare([run(arrivals=200)]))
    (axes,) = figure.axes
    assert sum(len(dots.get_offsets()) for dots in axes.collections) == 200
    assert axes.get_yscale() == "log"
    assert "Lipschitz coefficient against the threshold" in " ".join(texts(figure))


def test_coefficients_that_are_no_numbers_sit_on_the_edge():
    (axes,) = coefficients(compare([run(attack="not_a_number", arrivals=200)])).axes
    edge = [dots for dots in axes.collections if dots.get_offset_transform() != axes.transData]
    liars = run(attack="not_a_number", arrivals=200).arrivals["byzantine"].sum()
    assert sum(len(dots.get_offsets()) for dots in edge) == liars


def test_coefficients_need_a_filter():
    with pytest.raises(NothingToDraw, match="coefficients need a filter that measures against a threshold"):
        coefficients(compare([run("asgd")]))


def test_staleness_counts_all_of_both_kinds():
    (axes,) = staleness(compare([run(seed=seed) for seed in range(2)])).axes
    honest, liars = (patch.get_data().values for patch in axes.patches)
    assert honest.sum() == pytest.approx(1, abs=0.01)
    assert liars.sum() == pytest.approx(1, abs=0.01)
    assert len(axes.lines) == 2  # the means


def test_pyplot_is_never_needed():
    code = (
        "import sys, byzsgd.plotting; assert 'matplotlib.pyplot' not in sys.modules; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
