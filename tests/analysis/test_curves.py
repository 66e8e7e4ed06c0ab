"""Seeds become one curve as far as they can be compared."""

from __future__ import annotations

import dataclasses
import math

import polars as pl
import pytest
from made_up_runs import Row, run

from byzsgd.analysis import NothingToDraw, compare
from byzsgd.analysis.bits import megabits, needed
from byzsgd.analysis.curves import band


def evaluated(steps, accuracy, status="finished", seed=0):
    metrics = pl.DataFrame(
        {
            "step": steps,
            "time": [2.0 * step for step in steps],
            "arrivals": steps,
            "test_accuracy": accuracy,
            "test_loss": [math.nan if value == 0 else 1 - value for value in accuracy],
        }
    )
    return Row(metrics, run().arrivals.clear(), {"seed": seed}, {}, {"status": status})


def one(*runs):
    (group,) = compare(runs).groups
    return group


def test_one_seed_has_no_interval():
    curve = band(one(evaluated([0, 10, 20], [0.1, 0.5, 0.9])), "test_accuracy", "updates")
    assert curve.x.tolist() == [0, 10, 20]
    assert curve.middle.tolist() == curve.low.tolist() == curve.high.tolist() == [0.1, 0.5, 0.9]


def test_seeds_are_compared_where_all_of_them_are():
    runs = evaluated([0, 10, 20], [0.0001, 0.5, 0.9]), evaluated([0, 5, 10], [0.0001, 0.3, 0.7], seed=1)
    curve = band(one(*runs), "test_accuracy", "updates")
    assert curve.x.tolist() == [0, 5, 10]
    assert curve.middle[1:] == pytest.approx([(0.25 + 0.3) / 2, 0.6], abs=1e-4)
    assert band(one(*runs), "test_accuracy", "time").x.tolist() == [0, 10, 20]


def test_a_diverged_run_is_the_worst_from_there_on():
    good, bad = evaluated([0, 10, 20], [0.2, 0.6, 0.8]), evaluated([0, 10], [0.2, 0.0], "diverged", seed=1)
    curve = band(one(good, bad), "test_accuracy", "updates")
    assert curve.x.tolist() == [0, 10, 20]
    assert curve.middle == pytest.approx([0.2, 0.0, 0.0])  # half of the runs are lost
    assert curve.low.tolist() == curve.high.tolist() == curve.middle.tolist()
    assert curve.ends == ((10.0, 0.0),)
    curve = band(one(good, bad, evaluated([0, 10, 20], [0.2, 0.5, 0.9], seed=2)), "test_accuracy", "updates")
    assert curve.middle == pytest.approx([0.2, 0.5, 0.8])
    assert curve.low == pytest.approx([0.2, 0.5, 0.8])  # 0 is no part of the range
    assert curve.high == pytest.approx([0.2, 0.6, 0.9])


def test_the_loss_of_a_group_ends_once_half_of_it_diverged():
    good, bad = evaluated([0, 10, 20], [0.2, 0.6, 0.8]), evaluated([0, 5, 10], [0.2, 0.3, 0.0], "diverged", seed=1)
    curve = band(one(good, bad), "test_loss", "updates")
    assert curve.x.tolist() == [0, 5]
    assert curve.ends == ((5.0, 0.7),)
    third = evaluated([0, 5, 10, 20], [0.2, 0.3, 0.5, 0.6], seed=2)
    assert band(one(good, bad, third), "test_loss", "updates").middle[-2:] == pytest.approx([0.5, 0.4])


def test_a_stalled_run_keeps_its_model():
    runs = evaluated([0, 10, 20], [0.2, 0.6, 0.8]), evaluated([0, 10], [0.2, 0.4], "stalled", seed=1)
    assert band(one(*runs), "test_accuracy", "updates").middle == pytest.approx([0.2, 0.5, 0.6])


def test_an_unfinished_run_ends_the_curve():
    runs = evaluated([0, 10, 20], [0.2, 0.6, 0.8]), evaluated([0, 10], [0.2, 0.4], "unfinished", seed=1)
    assert band(one(*runs), "test_accuracy", "updates").x.tolist() == [0, 10]


def test_the_median_has_the_range_of_the_seeds():
    runs = [evaluated([0, 10], [0.2, value], seed=seed) for seed, value in enumerate((0.3, 0.9, 0.4))]
    curve = band(one(*runs), "test_accuracy", "updates")
    assert (curve.middle[1], curve.low[1], curve.high[1]) == (0.4, 0.3, 0.9)


def test_the_last_evaluation_of_a_step_counts():
    curve = band(one(evaluated([0, 10, 10], [0.2, 0.6, 0.7])), "test_accuracy", "updates")
    assert curve.middle.tolist() == [0.2, 0.7]


def test_a_metric_without_values():
    with pytest.raises(NothingToDraw, match="a curve of suboptimality needs"):
        band(one(evaluated([0], [0.5])), "suboptimality", "updates")


def test_a_level_is_reached_by_the_first_evaluation_that_is_not_below_it():
    made = evaluated([0, 10, 20], [0.25, 0.5, 0.75])
    assert [needed(made, level) for level in (0.25, 0.4, 0.5, 0.75, 0.8)] == [0, 10, 10, 20, math.inf]
    assert needed(made, 0.5, "time") == 20.0
    assert needed(made, 0.5, metric="accuracy_of_nobody") == math.inf


def test_megabits_to_nine_tenths_of_the_best_rival():
    """The best rival ends at 1, so the level is .9; without a rival that ends at a number nobody reaches it."""
    runs = [evaluated([0, 10, 20], [0.0, 0.9, 0.95]), evaluated([0, 10, 20], [0.0, 0.5, 1.0], seed=1)]
    counted = [
        dataclasses.replace(each, metrics=each.metrics.with_columns(bits_up=pl.col("step") * 1e6)) for each in runs
    ]
    assert [megabits(one(each), [one(counted[1])]).middle for each in counted] == [10.0, 20.0]
    assert megabits(one(counted[0]), ()).lost == 1


@pytest.mark.parametrize(("axis", "last"), [("bits", 599 * 32.0), ("bits_per_worker", 599 * 32.0 / 15)])
def test_a_curve_over_bits(axis, last):
    made = run("kardam", "none")
    counted = dataclasses.replace(made, metrics=made.metrics.with_columns(bits_up=pl.col("arrivals") * 32))
    (group,) = compare([counted]).groups
    curve = band(group, "test_accuracy", axis)
    assert curve.x[-1] == pytest.approx(last)
    assert needed(counted, 0.0, axis) == curve.x[0]
    with pytest.raises(NothingToDraw, match="needs evaluations that have it"):
        band(compare([made]).groups[0], "test_accuracy", axis)
