"""When training reached a level, and how much later than without a defence."""

from __future__ import annotations

import dataclasses
import math

import polars as pl
import pytest
from made_up_runs import run, sweep

from byzsgd.analysis import compare
from byzsgd.analysis.slowdown import Crossing, crossing, slowdown, twins


def unfiltered(attack="none", **settings):
    made = run(attack=attack, arrivals=50, settings=settings)
    return dataclasses.replace(made, config=made.config | {"aggregator": made.config["aggregator"] | {"filters": {}}})


def descending(pace, every, aggregator="kardam", attack="lie", end=3000, status="finished", **settings):
    """A train loss of exp(-arrivals/pace), evaluated so often."""
    places = list(range(0, end + 1, every))
    metrics = pl.DataFrame(
        {
            "step": places,
            "time": [float(place) for place in places],
            "arrivals": places,
            "train_loss": [math.exp(-place / pace) for place in places],
            "test_accuracy": [0.5 for _ in places],
        }
    )
    return dataclasses.replace(run(aggregator, attack, arrivals=50, status=status, **settings), metrics=metrics)


def factor(slow, base):
    first, second = compare([base, slow]).groups
    return slowdown(second, first)


@pytest.mark.parametrize("every", [25, 100, 300])
def test_it_does_not_depend_on_how_often_was_evaluated(every):
    base = descending(500, every, "asgd", "none")
    level = 1 - 0.9 * (1 - math.exp(-6))
    assert crossing(base, level).at == pytest.approx(-500 * math.log(level))
    assert factor(descending(700, every), base).middle == pytest.approx(1.4)
    assert factor(descending(700, every), base).bound == ""


def test_logarithms_are_averaged():
    bases = [descending(500, 50, "asgd", "none", seed=seed) for seed in (0, 1)]
    slow = [descending(500 * times, 50, end=9000, seed=seed) for seed, times in enumerate((1, 4))]
    first, second = compare([*bases, *slow]).groups
    found = slowdown(second, first)
    assert found.middle == pytest.approx(2, rel=1e-3)
    assert (found.low, found.high) == pytest.approx((1, 4), rel=1e-3)


def test_what_is_censored_is_a_bound():
    base = descending(500, 25, "asgd", "none")
    never = factor(descending(9000, 25), base)
    assert never.bound == ">" and never.middle == pytest.approx(3000 / crossing(base, 0.1022).at, rel=0.01)
    assert never.text(2).startswith("> 2.6")
    # A twin that is there before its second look: it needed 500 at most.
    early = factor(descending(900, 500), descending(100, 500, "asgd", "none"))
    assert early.bound == ">"
    # Both in the first stretch: nothing is known.
    assert crossing(descending(100, 500), 0.1) == Crossing(500.0, "<")
    assert factor(descending(90, 500), descending(100, 500, "asgd", "none")).text() == "–"


def test_a_run_that_diverged_never_gets_there():
    base = descending(500, 25, "asgd", "none")
    lost = factor(descending(9000, 25, status="diverged"), base)
    assert (lost.middle, lost.lost, lost.text()) == (math.inf, 1, "diverged")


def test_a_twin_that_learned_nothing_sets_no_pace():
    flat = descending(500, 25, "asgd", "none")
    flat = dataclasses.replace(flat, metrics=flat.metrics.with_columns(train_loss=pl.lit(1.0)))
    assert factor(descending(500, 25), flat).count == 0


def test_twins_are_the_same_server_without_filters_and_asgd():
    runs = sweep(("asgd", "kardam"), ("none", "lie"), 1, arrivals=50)
    runs += [unfiltered(attack) for attack in ("none", "lie")]
    comparison = compare(runs)
    found = twins(comparison)
    names = [group.label(comparison.keys) for group in comparison.groups]
    place = {name: number for number, name in enumerate(names)}
    bare, filtered = "kardam, no attack, no filters", "kardam, lie, lipschitz+frequency filters"
    assert found.unfiltered[place[filtered]] is comparison.groups[place[bare]]
    assert found.unfiltered[place[bare]] is None
    asgd = comparison.groups[place["asgd, no attack, no filters"]]
    assert found.asgd[place[filtered]] is found.asgd[place[bare]] is asgd
    assert found.asgd[place["asgd, no attack, no filters"]] is None


def test_a_twin_may_be_built_for_another_f_but_has_no_other_setting():
    filtered = run(arrivals=50)
    assert [twin for twin in twins(compare([filtered, unfiltered(f=0)])).unfiltered if twin]
    assert not any(twins(compare([filtered, unfiltered(optimizer={"lr": 0.2})])).unfiltered)
