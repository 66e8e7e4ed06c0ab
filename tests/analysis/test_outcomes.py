"""What became of a run, and how runs of one seed compare."""

from __future__ import annotations

import dataclasses
import math

import polars as pl
import pytest
from made_up_runs import run, sweep

from byzsgd.analysis import compare
from byzsgd.analysis.outcomes import (
    accepted,
    at_best_validation,
    byzantine_share,
    filter_rates,
    final,
    needed,
    objective,
    staleness,
)
from byzsgd.analysis.paired import block, difference, estimate, slowdown, twin


def with_accuracy(values, arrivals=None, **settings):
    metrics = pl.DataFrame(
        {
            "step": range(len(values)),
            "time": [float(place) for place in range(len(values))],
            "arrivals": arrivals or [100 * place for place in range(len(values))],
            "test_accuracy": values,
        },
        schema_overrides={"test_accuracy": pl.Float64},
    )
    return dataclasses.replace(run(**{"arrivals": 50} | settings), metrics=metrics)


def test_the_last_evaluation():
    made = with_accuracy([0.1, 0.9, 0.8])
    assert final(made) == 0.8
    assert final(with_accuracy([0.1, 0.5, None])) == 0.5
    assert math.isnan(final(with_accuracy([None, None])))
    assert math.isnan(final(made, "suboptimality"))


def validated(**columns):
    made = with_accuracy([0.1, 0.9, 0.8, 0.7])
    return dataclasses.replace(made, metrics=made.metrics.with_columns(**{k: pl.Series(v) for k, v in columns.items()}))


def test_the_test_split_is_read_where_the_validation_split_says_so():
    """Never where the test accuracy itself is highest (.9 here)."""
    made = validated(validation_accuracy=[0.2, 0.6, 0.9, 0.9], validation_loss=[2.0, 0.5, math.nan, 0.7])
    assert at_best_validation(made) == 0.8
    assert math.isnan(at_best_validation(with_accuracy([0.1, 0.9, 0.8])))
    losses = dataclasses.replace(made, metrics=made.metrics.with_columns(test_loss=pl.Series([4.0, 3.0, 1.0, 2.0])))
    assert at_best_validation(losses, "loss") == 3.0


def test_a_sweeper_is_told_of_the_validation_split_alone():
    accuracies, losses = [0.2, 0.6, 0.9, 0.5], [2.0, 0.5, 0.6, 0.7]
    both = validated(validation_accuracy=accuracies, validation_loss=losses)
    assert objective(both) == 0.5
    assert objective(validated(validation_loss=losses)) == -0.7
    assert math.isnan(objective(with_accuracy([0.1, 0.9, 0.8])))
    assert objective(dataclasses.replace(both, info={"status": "diverged"})) == -math.inf


def test_the_first_evaluation_that_reaches_a_level():
    made = with_accuracy([0.1, 0.6, 0.5, 0.7])
    assert needed(made, 0.6) == 100
    assert needed(made, 0.65, "updates") == 3
    assert needed(made, 0.8) == math.inf


def decided(reasons, liars):
    rows = run(arrivals=len(reasons)).arrivals.with_columns(
        byzantine=pl.Series(liars), reason=pl.Series(reasons), accepted=pl.Series([r == "accepted" for r in reasons])
    )
    return dataclasses.replace(run(), arrivals=rows)


def test_mistakes_of_filters_are_of_what_reached_them():
    reasons = ["accepted", "lipschitz", "frequency", "accepted", "lipschitz", "frequency", "accepted", "accepted"]
    liars = [False, False, False, False, True, True, True, True]
    rates = filter_rates(decided(reasons, liars))
    assert list(rates) == ["lipschitz", "frequency"]  # in the order of the configuration, without what is off
    assert rates["lipschitz"].false_positive == 1 / 4
    assert rates["lipschitz"].false_negative == 3 / 4
    assert rates["frequency"].false_positive == pytest.approx(1 / 3)  # of the three that reached it
    assert rates["frequency"].false_negative == pytest.approx(2 / 3)


def test_mistakes_where_nobody_lies():
    rates = filter_rates(decided(["accepted", "lipschitz"], [False, False]))
    assert rates["lipschitz"].false_positive == 0.5
    assert math.isnan(rates["lipschitz"].false_negative)
    assert filter_rates(dataclasses.replace(run(), arrivals=run().arrivals.clear())) == {}


def test_acceptance_and_staleness_and_the_share_of_liars():
    made = decided(["accepted", "lipschitz", "accepted", "frequency"], [False, False, True, True])
    assert accepted(made, byzantine=False) == accepted(made, byzantine=True) == 0.5
    assert byzantine_share(made) == 0.5
    old = dataclasses.replace(made, arrivals=made.arrivals.with_columns(staleness=pl.Series([0, 1, 2, 5])))
    assert staleness(old) == (2.0, 5.0)
    nothing = dataclasses.replace(made, arrivals=made.arrivals.clear())
    assert math.isnan(accepted(nothing, byzantine=True)) and math.isnan(byzantine_share(nothing))


def test_an_estimate():
    assert estimate([2.0]).mean == 2.0
    assert math.isnan(estimate([2.0]).half)
    assert estimate([1.0, math.nan, 3.0]).count == 2
    assert estimate([1.0, math.inf]).mean == math.inf
    assert estimate([]).count == 0


def test_differences_are_paired_by_seed():
    runs = [with_accuracy([value], seed=seed) for seed, value in [(0, 0.5), (1, 0.9), (2, 0.7)]]
    runs += [with_accuracy([value], seed=seed, aggregator="asgd") for seed, value in [(2, 0.6), (1, 0.8), (5, 0.0)]]
    kardam, asgd = compare(runs).groups
    paired = difference(kardam, asgd)
    assert (paired.mean, paired.count) == (pytest.approx(0.1), 2)  # 0.9 − 0.8 and 0.7 − 0.6
    assert paired.half == pytest.approx(0, abs=1e-9)


def test_a_block_differs_in_the_server_only():
    comparison = compare(sweep(("asgd", "kardam", "krum"), ("none", "lie"), 1, arrivals=50))
    found = block(comparison, comparison.groups[0])
    assert [group.values for group in found] == [
        {"aggregator": server, "attack": "none"} for server in ("asgd", "kardam", "krum")
    ]


def test_the_twin_is_undefended_and_free_of_attacks():
    comparison = compare(sweep(("asgd", "kardam"), ("none", "lie"), 1, arrivals=50))
    by_values = {tuple(group.values.values()): group for group in comparison.groups}
    free = by_values["asgd", "none"]
    assert twin(comparison, by_values["kardam", "lie"]) is free
    assert twin(comparison, by_values["asgd", "lie"]) is free
    assert twin(comparison, free) is None
    alone = compare(sweep(("kardam",), ("none", "lie"), 1, arrivals=50))
    assert twin(alone, alone.groups[1]) is alone.groups[0]
    assert twin(compare([run()]), compare([run()]).groups[0]) is None


def test_the_slowdown_is_read_off_at_nine_tenths_of_the_twin():
    base = with_accuracy([0.1, 0.85, 0.9, 1.0], aggregator="asgd", attack="none")  # 0.9 at 200 arrivals
    slow = with_accuracy([0.1, 0.3, 0.7, 0.9])  # at 300
    comparison = compare([base, slow])
    asgd, kardam = comparison.groups
    assert slowdown(kardam, asgd).mean == 1.5
    never = compare([base, with_accuracy([0.1, 0.2])])
    assert slowdown(never.groups[1], never.groups[0]).mean == math.inf
