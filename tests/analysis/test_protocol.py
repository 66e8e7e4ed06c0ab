"""Which step a server gets, and that nothing of the reported runs was seen when it was chosen."""

from __future__ import annotations

import dataclasses
import math

import polars as pl
import pytest
from made_up_runs import run

from byzsgd.analysis.protocol import (
    FREE,
    MINIMAX,
    compared,
    pick,
    rate,
    read,
    reporting_jobs,
    tuning_jobs,
)

WRITTEN = """
settings: budget.arrivals=100 'plugins=[mine, yours]'
servers: {one: aggregator=asgd, two: aggregator=krum worker=momentum}
attacks: {none: attack=none, crash: attack=crash, lie: attack=lie, fast: attack=ipm delay.byzantine.speed=10}
masses: [0.1, 0.01, 1]
tuning_seeds: [100]
reporting_seeds: [0, 1]
last: 2
"""


@pytest.fixture
def protocol(tmp_path):
    (tmp_path / "mine.yaml").write_text(WRITTEN)
    return read(tmp_path / "mine.yaml")


def judged(value, status="finished"):
    made = run("asgd", "lie", arrivals=60, status=status)
    count = len(made.metrics)
    metrics = made.metrics.with_columns(
        validation_accuracy=pl.Series([0.1] * (count - 2) + [value - 0.05, value + 0.05])
    )
    return dataclasses.replace(made, metrics=metrics, info=made.info | {"validation_examples": 400})


def tuned(protocol, values, rate=0.5):
    """`values` by column, one for each step of the grid; None: the run diverged."""
    steps = protocol.steps({"one": rate})["one"]
    return {
        protocol.job("one", attack, 100, lr): judged(0.5, "diverged") if value is None else judged(value)
        for attack, line in values.items()
        for lr, value in zip(steps, line, strict=True)
    }


def test_it_is_read_from_yaml(protocol, tmp_path):
    assert protocol.job("two", "fast", 3, 0.25) == (
        "budget.arrivals=100", "plugins=[mine, yours]", "aggregator=krum", "worker=momentum", "attack=ipm",
        "delay.byzantine.speed=10", "seed=3", "optimizer.lr=0.25",
    )  # fmt: skip
    assert protocol.steps({"one": 0.3}) == {"one": [0.0333, 0.333, 3.33]}  # ascending, in three digits
    (tmp_path / "short.yaml").write_text("settings: a=1\nmine: 2\n")
    with pytest.raises(ValueError, match=r"short.yaml needs the settings attacks, last, .*, and \['mine'\]"):
        read(tmp_path / "short.yaml")


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"tuning_seeds": (0, 9)}, "reporting seeds that are none of them; got tuning_seeds=[0, 9]"),
        ({"attacks": {"none": (), "crash": ()}}, "the column none and an attack; got attacks=none, crash"),
        ({"masses": (0.1, 0.0)}, "masses > 0"),
        ({"last": 0}, "last >= 1; got last=0"),
    ],
)
def test_a_protocol_that_would_fool_itself_is_refused(protocol, changed, said):
    with pytest.raises(ValueError) as refused:
        dataclasses.replace(protocol, **changed)
    assert said in str(refused.value)


def test_the_rate_counts_what_ends_in_the_model():
    made = run("asgd", "none", arrivals=4)
    rows = made.arrivals.with_columns(
        accepted=pl.Series([True, True, False, True]),
        weight=pl.Series([1.0, 0.5, 0.0, 0.3]),
        updated=pl.Series([False, True, False, False]),
    )
    # The mean weight of three accepted vectors is .6; of four arrivals one made a step.
    assert rate(dataclasses.replace(made, arrivals=rows)) == pytest.approx(0.6 / 4)
    assert rate(dataclasses.replace(made, arrivals=rows.clear())) == 0.0


def test_the_two_choices(protocol):
    values = {"none": [0.5, 0.9, 0.95], "crash": [0.1, 0.1, 0.1], "lie": [0.5, 0.8, 0.3], "fast": [0.6, 0.7, None]}
    found = pick(protocol, "one", 0.5, tuned(protocol, values))
    assert found.chosen == {FREE: 2.0, MINIMAX: 0.2}
    assert found.free == pytest.approx((0.5, 0.9, 0.95))
    assert found.worst == pytest.approx((0.5, 0.7, 0.0))  # crash is a control, a diverged run is worth nothing
    assert found.at_the_edge(FREE) and not found.at_the_edge(MINIMAX)


def test_a_server_that_loses_under_one_attack_is_not_tuned_to_noise(protocol):
    # sqrt(.1·.9/400) = .015: .1, .11 and .105 are level, the mean over the attacks decides.
    values = {"none": [0.5, 0.9, 0.9], "lie": [0.1, 0.11, 0.105], "fast": [0.3, 0.4, 0.9]}
    assert pick(protocol, "one", 0.5, tuned(protocol, values)).chosen == {FREE: 0.2, MINIMAX: 2.0}


def test_jobs(protocol):
    rates = {"one": 1.0, "two": 0.1}
    jobs = tuning_jobs(protocol, rates)
    assert len(jobs) == len(set(jobs)) == 2 * 3 * 4
    assert not any(word in job for job in jobs for word in ("seed=0", "seed=1"))
    values = {"none": [0.5, 0.9, 0.9], "lie": [0.1, 0.5, 0.6], "fast": [0.3, 0.5, 0.9]}
    one = pick(protocol, "one", 1.0, tuned(protocol, values, 1.0))
    picked = {"one": one, "two": dataclasses.replace(one, chosen={FREE: 1.0, MINIMAX: 1.0})}
    report = reporting_jobs(protocol, picked)
    assert len(report) == len(set(report)) == (2 + 1) * 4 * 2  # of two that chose the same, one is run
    assert not any("seed=100" in job for job in report)
    comparison = compared(protocol, picked, {job: judged(0.5) for job in report})
    assert comparison.values("aggregator") == ["one", "two"]
    assert comparison.values("attack") == ["none", "crash", "lie", "fast"]
    assert len(comparison.groups) == 2 * 4 * 2 and {len(group.runs) for group in comparison.groups} == {2}


def test_a_lost_run_is_judged_zero(protocol):
    assert math.isclose(pick(protocol, "one", 0.5, tuned(protocol, {"none": [None] * 3, "lie": [None] * 3,
                             "fast": [None] * 3})).worst[0], 0.0)  # fmt: skip
