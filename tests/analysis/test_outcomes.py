"""What became of a run, and how runs of one seed compare."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
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
    objective,
    outcome,
    staleness,
)
from byzsgd.analysis.paired import block, difference, leaders, reference_of


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


def test_runs_are_compared_by_their_last_evaluations():
    made = with_accuracy([0.1, 0.6, 0.8, 0.7])
    assert outcome(made) == 0.7
    assert outcome(made, last=3) == pytest.approx(0.7)
    assert outcome(made, last=9) == pytest.approx(0.55)
    lost = with_accuracy([0.1, 0.6, 0.0], status="diverged")
    assert (outcome(lost), outcome(lost, last=2), outcome(lost, "test_loss")) == (-math.inf, -math.inf, math.inf)


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


def test_differences_are_paired_by_seed():
    runs = [with_accuracy([value], seed=seed) for seed, value in [(0, 0.5), (1, 0.9), (2, 0.7)]]
    runs += [with_accuracy([value], seed=seed, aggregator="asgd") for seed, value in [(2, 0.6), (1, 0.8), (5, 0.0)]]
    kardam, asgd = compare(runs).groups
    paired = difference(kardam, asgd)
    assert (paired.middle, paired.count) == (pytest.approx(0.1), 2)  # 0.9 − 0.8 and 0.7 − 0.6


def test_a_block_differs_in_the_server_only():
    comparison = compare(sweep(("asgd", "kardam", "krum"), ("none", "lie"), 1, arrivals=50))
    found = block(comparison, comparison.groups[0])
    assert [group.values for group in found] == [
        {"aggregator": server, "attack": "none"} for server in ("asgd", "kardam", "krum")
    ]


def test_the_reference_is_fixed_before_any_result():
    comparison = compare(sweep(("asgd", "kardam", "krum"), ("none", "lie"), 1, arrivals=50))
    references = [reference_of(comparison, group).values for group in comparison.groups]
    assert references == [{"aggregator": "asgd", "attack": group.values["attack"]} for group in comparison.groups]
    without = compare(sweep(("krum", "kardam"), ("lie",), 1, arrivals=50))
    assert {reference_of(without, group).values["aggregator"] for group in without.groups} == {"krum"}


def servers(**finals):
    """Groups of runs with these final accuracies by seed; 0: the run diverged."""
    template = with_accuracy([0.1, 0.2])
    runs = []
    for name, values in finals.items():
        for seed, value in enumerate(values):
            metrics = template.metrics.with_columns(test_accuracy=pl.Series([0.1, float(value)]))
            config, choices = template.config | {"seed": seed}, template.choices | {"aggregator": name}
            info = template.info | {"status": "diverged" if value == 0 else "finished"}
            runs.append(dataclasses.replace(template, metrics=metrics, config=config, choices=choices, info=info))
    return compare(runs).groups


def named(groups):
    return {group.values["aggregator"] for group in groups}


def test_leaders_are_the_best_and_what_cannot_be_told_apart_from_it():
    good, near, bad = [0.95, 0.94, 0.96, 0.95], [0.94, 0.95, 0.95, 0.95], [0.5, 0.51, 0.52, 0.5]
    assert named(leaders(servers(good=good, near=near, bad=bad), "test_accuracy")) == {"good", "near"}
    assert named(leaders(servers(good=good[:2], bad=bad[:2]), "test_accuracy")) == {
        "good",
        "bad",
    }  # two pairs say nothing
    assert named(leaders(servers(good=good, bad=[0, 0, 0, 0]), "test_accuracy")) == {"good"}


def test_a_server_that_diverged_is_no_leader_for_the_runs_that_are_left():
    (found,) = leaders(servers(lost=[0.99, 0, 0, 0, 0], steady=[0.9, 0.91, 0.9, 0.92, 0.9]), "test_accuracy")
    assert found.values["aggregator"] == "steady"


def test_equal_servers_are_seldom_told_apart():
    rng = np.random.default_rng(0)
    tables = [servers(**{f"s{i}": rng.normal(0.9, 0.02, 5) for i in range(6)}) for _ in range(30)]
    assert sum(len(leaders(table, "test_accuracy")) < 6 for table in tables) <= 4
