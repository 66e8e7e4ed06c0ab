"""Figures of schemes with redundancy: times of an iteration, and a round of the tree."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from made_up_runs import run

from byzsgd.analysis import NothingToDraw, compare
from byzsgd.analysis.rounds import scheme_of, seconds_per_update, varied
from byzsgd.plotting import iteration_time, tree


def rounds(scheme, seconds, stragglers=None, *, code="cyclic", seed=0, settings=None):
    """A run of ten rounds, `seconds` each."""
    node = {"_target_": f"byzsgd.schemes.{scheme}"}
    if scheme == "tree":
        node |= {"children": 2, "layers": 2, "stragglers": stragglers}
    elif scheme == "coded":
        node["code"] = {"stragglers": stragglers}
    chosen = {"scheme": scheme} | ({"scheme/code": code} if scheme == "coded" else {})
    made = run("asgd", "none", seed, n=6, byzantine=0, settings={"scheme": node} | (settings or {}), choices=chosen)
    rows = made.arrivals[:10].with_columns(
        time=pl.Series([seconds * (number + 1) for number in range(10)]), updated=pl.lit(value=True)
    )
    return replace(made, arrivals=rows, choices={k: v for k, v in made.choices.items() if k != "aggregator"})


def line_of(axes, place):
    return [[float(value) for value in part] for part in axes.lines[place].get_data()]


def test_seconds_of_an_update_are_those_of_the_run_over_its_updates():
    made = rounds("tree", 2.5, 1)
    assert seconds_per_update(made) == 2.5
    assert seconds_per_update(replace(made, arrivals=made.arrivals.with_columns(updated=False))) == float("inf")


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (rounds("tree", 1, 1), "tree"),
        (rounds("ring_allreduce", 1), "ring all-reduce"),
        (rounds("coded", 1, 2), "coded, cyclic"),
        (rounds("coded", 1, 0, code="none"), "uncoded"),
        (rounds("coded", 1, 2, code="none"), "ignoring stragglers"),
        (run("trimmed_mean"), "trimmed mean"),
    ],
)
def test_schemes_have_their_names(made, name):
    assert scheme_of(made) == name


def test_times_are_drawn_against_what_varies_and_over_those_of_the_tree():
    runs = [rounds("tree", 8.0 / (s + 1), s) for s in (0, 1)] + [rounds("coded", 16.0, s) for s in (0, 1)]
    runs.append(rounds("ring_allreduce", 12.0))
    comparison = compare(runs)
    assert varied(comparison) == "stragglers tolerated s"
    figure = iteration_time(comparison)
    seconds, ratios = figure.axes
    found = {tuple(map(tuple, line_of(seconds, place))) for place in range(3)}
    assert found == {((0, 1), (8, 4)), ((0, 1), (16, 16)), ((0, 1), (12, 12))}
    found = {tuple(map(tuple, line_of(ratios, place))) for place in range(2)}
    assert found == {((0, 1), (2, 4)), ((0, 1), (1.5, 3))}
    assert {float(line.get_ydata()[0]) for line in ratios.lines[2:]} == {7.0, 27.2}
    assert seconds.get_xlabel() == "stragglers tolerated s"


def test_where_nothing_varies_every_scheme_is_a_mark():
    figure = iteration_time(compare([rounds("coded", 4.0, 2), rounds("ring_allreduce", 2.0)]))
    (axes,) = figure.axes
    assert sorted(float(line.get_ydata()[0]) for line in axes.lines) == [2.0, 4.0]


def test_seeds_are_averaged():
    runs = [rounds("tree", seconds, 1, seed=seed) for seed, seconds in enumerate((2.0, 4.0))]
    (axes, _) = iteration_time(compare([*runs, rounds("ring_allreduce", 1.0)])).axes
    assert sorted(float(line.get_ydata()[0]) for line in axes.lines) == [1.0, 3.0]


def test_one_scheme_alone_has_nothing_to_compare():
    with pytest.raises(NothingToDraw, match="several schemes"):
        iteration_time(compare([rounds("tree", 1.0, 1)]))


def drawn_tree():
    """A round in which child 1 of the root is dropped, and child 4 of worker 1, 3 of worker 0."""
    made = rounds("tree", 1.0, 1)
    rows = pl.concat([made.arrivals[:3]] * 3).with_columns(
        worker=pl.Series([2, 5, 0] * 3), read_at=pl.Series([0] * 3 + [1] * 3 + [2] * 3),
        step=pl.Series([0] * 3 + [1] * 3 + [2] * 3), updated=pl.Series([False, False, True] * 3),
        load=pl.Series([0.25] * 9),
    )  # fmt: skip
    return replace(made, arrivals=rows, info=made.info | {"byzantine_ids": [5]})


def test_a_tree_shows_who_was_taken_and_who_counts():
    (axes,) = tree(compare([drawn_tree()])).axes
    assert (
        axes.get_title(loc="left").replace("\n", " ") == "round 1, 2 of 6 workers count, each computes 0.25 of the data"
    )
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--", "-", "--", "--", "-"]
    filled = [tuple(dot.get_facecolor()[0][:3]) != (1.0, 1.0, 1.0) for dot in axes.collections[:6]]
    assert filled == [True, False, True, False, False, False]  # 5 was taken, by a node that was not
    assert [text.get_text() for text in axes.texts] == list("012345")


def test_only_trees_are_drawn_as_trees():
    with pytest.raises(NothingToDraw, match="scheme=tree"):
        tree(compare([rounds("ring_allreduce", 1.0)]))
