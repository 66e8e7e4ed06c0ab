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
from byzsgd.analysis.colours import SERVERS, server_places
from byzsgd.plotting import acceptance, coefficients, consensus, progress, staleness
from byzsgd.plotting.figures.acceptance import shares_accepted
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
    assert texts(figure)[0] == "Test accuracy against delivered vectors"
    assert texts(figure)[-3:] == ["asgd", "kardam", "diverged"]
    none, reversed_, _ = figure.axes
    assert len(none.lines) == 2
    assert len(reversed_.lines) == 2 + 3  # and a cross for each diverged seed
    assert none.get_ylim() == reversed_.get_ylim() == (-0.04, 1.02)  # 0 is not the axis
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
    assert crosses and all(0.03 < line.get_ydata()[0] < 0.97 for line in crosses)  # shares of the panel


def test_a_band_that_reaches_zero_ends_where_the_logarithmic_axis_does():
    runs = [run(seed=seed) for seed in range(3)]
    zero = runs[0].metrics.with_columns(suboptimality=pl.lit(0.0))
    held = [made.metrics.with_columns(suboptimality=pl.lit(0.5)) for made in runs[1:]]
    runs = [dataclasses.replace(made, metrics=rows) for made, rows in zip(runs, [zero, *held], strict=True)]
    (axes,) = progress(compare(runs), metric="suboptimality").axes
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices[:, 1]
    assert corners.min() == axes.get_ylim()[0] > 0


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
        return figure.axes[0].lines[servers.index(server)].get_color()

    assert colour(("asgd", "kardam"), "kardam") == colour(("dynsgd", "kardam", "krum", "zeno_pp"), "kardam")


def test_no_two_servers_of_a_figure_look_alike():
    looks = server_looks([*SERVERS[:24], "my_rule", "your_rule", "a_third"])
    assert len({(look.colour, str(look.dash)) for look in looks.values()}) == 27
    assert looks["kardam"] == server_looks(["kardam"])["kardam"]


def test_the_later_of_two_servers_of_one_colour_takes_the_next_free_one():
    places = server_places(["kardam", "asgd", "krum", "trimmed_mean"])
    assert server_places(["krum"])["krum"] % 8 == places["kardam"] % 8 == 0  # what krum prefers
    assert [place % 8 for place in places.values()] == [0, 1, 2, 3]
    assert len({place % 8 for place in server_places(SERVERS[:8]).values()}) == 8
    assert len(set(server_places([f"mine_{number}" for number in range(32)]).values())) == 32


def test_a_selection_keeps_the_colours_of_its_folder():
    everything = sweep(("kardam", "krum", "asgd"), ("lie",), 1)
    chosen = [made for made in everything if made.choices["aggregator"] == "krum"]
    whole, part = progress(compare(everything)), progress(compare(chosen, everything))
    assert part.axes[0].lines[0].get_color() == whole.axes[0].lines[1].get_color()
    assert progress(compare(chosen)).axes[0].lines[0].get_color() != part.axes[0].lines[0].get_color()


def test_servers_and_attacks_come_as_they_were_typed():
    comparison = compare(sweep(("krum", "asgd"), ("lie", "none"), 2))
    assert [group.label(comparison.keys) for group in comparison.groups] == [
        "krum, lie", "krum, no attack", "asgd, lie", "asgd, no attack",
    ]  # fmt: skip


def test_acceptance_of_one_setting_tells_honest_from_byzantine():
    figure = acceptance(compare([run(seed=seed) for seed in range(3)]))
    (axes,) = figure.axes
    honest, liars = (line.get_ydata() for line in axes.lines)
    assert honest.mean() > 0.7
    assert liars.max() == 0.0
    assert texts(figure)[-2:] == ["honest", "Byzantine"]


def test_acceptance_of_several_has_a_row_for_each_kind():
    figure = acceptance(compare(sweep(("asgd", "kardam"), ("none", "lie"), 2)))
    honest, under_lie, byzantine = figure.axes  # no panel of liars where nobody lies
    assert [honest.get_ylabel(), under_lie.get_ylabel(), byzantine.get_ylabel()] == [
        "honest accepted", "", "Byzantine accepted",
    ]  # fmt: skip
    (kardam,) = byzantine.lines
    assert kardam.get_ydata().max() == 0.0
    assert "refuse nothing: asgd" in " ".join(texts(figure))
    assert "nobody lies: no attack" in " ".join(texts(figure))
    assert texts(figure)[-1] == "kardam"  # the legend


def test_acceptance_needs_a_server_that_refuses():
    with pytest.raises(NothingToDraw, match="a server that refuses some"):
        acceptance(compare([run("asgd")]))


def test_a_window_counts_its_own_vectors():
    rows = run(arrivals=4).arrivals.with_columns(
        byzantine=pl.Series([False, False, True, False]), accepted=pl.Series([True, False, True, True])
    )
    short = dataclasses.replace(run(), arrivals=rows)
    shares = shares_accepted(short, np.array([0.0, 2.0, 4.0]), False, "arrivals")
    assert shares.tolist() == [0.5, 1.0]
    assert math.isnan(shares_accepted(short, np.array([0.0, 2.0, 4.0]), True, "arrivals")[0])


def test_coefficients_show_every_vector_judged():
    figure = coefficients(compare([run(arrivals=200)]))
    (axes,) = figure.axes
    assert sum(len(dots.get_offsets()) for dots in axes.collections) == 200
    assert axes.get_yscale() == "log"
    assert "Lipschitz coefficient against the threshold" in " ".join(texts(figure))


def test_coefficients_without_a_place_on_the_axis_have_strips():
    made = run(attack="not_a_number", arrivals=200)
    rows = made.arrivals.with_columns(
        lipschitz=pl.when(pl.col("arrival") == 7).then(0.0).otherwise(pl.col("lipschitz")),
        byzantine=pl.col("arrival") > 99,
    )
    (axes,) = coefficients(compare([dataclasses.replace(made, arrivals=rows)])).axes
    assert [text.get_text() for text in axes.texts] == ["∞", "0"]
    upper, lower = (line.get_ydata()[0] for line in axes.lines[:2])
    heights = np.concatenate([dots.get_offsets()[:, 1] for dots in axes.collections])
    low, high = axes.get_ylim()
    assert ((heights > upper) & (heights < high)).sum() == rows["lipschitz"].is_nan().sum() > 0
    assert ((heights < lower) & (heights > low)).sum() == 1


def test_coefficients_need_a_filter():
    with pytest.raises(NothingToDraw, match="coefficients needs a filter that measures against a threshold"):
        coefficients(compare([run("asgd")]))


def test_staleness_counts_all_of_both_kinds():
    (axes,) = staleness(compare([run(seed=seed) for seed in range(2)])).axes
    honest, liars = (patch.get_data().values for patch in axes.patches)
    assert honest.sum() == pytest.approx(1, abs=0.01)
    assert liars.sum() == pytest.approx(1, abs=0.01)
    assert len(axes.lines) == 2  # the means


def test_staleness_leaves_out_what_is_never_stale_and_what_repeats():
    fresh = run("krum").arrivals.with_columns(staleness=pl.lit(0))
    runs = [run("asgd"), run("asgd", "ipm"), run("kardam"), dataclasses.replace(run("krum"), arrivals=fresh)]
    figure = staleness(compare(runs))
    assert panels(figure) == ["asgd, lie", "kardam, lie"]
    assert "nothing stale: krum · repeat another: asgd, ipm" in " ".join(texts(figure))
    first, second = figure.axes
    assert (first.get_xlim(), first.get_ylim()) == (second.get_xlim(), second.get_ylim())
    with pytest.raises(NothingToDraw, match="vectors that came after an update"):
        staleness(compare(runs[3:]))


def test_pyplot_is_never_needed():
    code = (
        "import sys, byzsgd.plotting; assert 'matplotlib.pyplot' not in sys.modules; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_start_at_zero_does_not_count_on_a_logarithmic_axis():
    made = run()
    values = np.linspace(0.02, 0.04, len(made.metrics))
    values[0] = 1e-13  # the rounding of a distance between equal models
    made = dataclasses.replace(made, metrics=made.metrics.with_columns(consensus=pl.Series(values)))
    (axes,) = consensus(compare([made])).axes
    low, high = axes.get_ylim()
    assert axes.get_yscale() == "log" and 1e-3 < low < 0.02 and 0.04 < high < 1
