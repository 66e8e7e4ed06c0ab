"""Conditions of theory: they follow the parameters, and `strict=false` leaves what can be computed."""

import pytest
import torch

from byzsgd import experiment
from byzsgd.aggregators import preaggregators, rules

ROWS = torch.tensor([[0.0], [1.0], [1.1], [5.0], [9.0]], dtype=torch.float64)

# (rule, k, f): refused, and computed with strict=False; one row less, or one liar more, cannot be computed.
LENIENT = [
    ("krum", 5, 2),
    ("multi_krum", 5, 2),
    ("bulyan", 5, 1),
    ("cge", 5, 4),
    ("monna", 5, 4),
    ("aksel", 5, 4),
    ("mda", 5, 4),
    ("mva", 5, 4),
    ("smea", 5, 4),
    ("nnm", 5, 4),
    ("arc", 5, 4),
]


@pytest.mark.parametrize(("name", "k", "f"), LENIENT)
def test_what_can_be_computed_is_with_strict_false(name, k, f):
    member = getattr(rules, name, None) or getattr(preaggregators, name)
    with pytest.raises(ValueError, match=f"{name} needs k >= .*f.*; got k={k}, f={f}"):
        member(ROWS[:k], f=f)
    assert torch.isfinite(member(ROWS[:k], f=f, strict=False)).all()
    with pytest.raises(ValueError, match=f"{name} needs "):
        member(ROWS[:k], f=f + 1, strict=False)


def test_the_condition_of_krum_follows_its_neighbours():
    """byzfl's Krum: k-f-1 neighbours, k > 2f. Of 0, 1, 1.1, 5, 9 with two neighbours: 1 + .01 is least, at 1."""
    assert rules.krum(ROWS, f=2, neighbours=2).item() == 1.0
    assert rules.multi_krum(ROWS, f=2, neighbours=2, m=3).item() == pytest.approx(2.1 / 3)
    with pytest.raises(ValueError, match=r"krum needs k >= 2f\+3; got k=5, f=2$"):
        rules.krum(ROWS, f=2)
    with pytest.raises(ValueError, match=r"krum needs k >= 2f\+3; got k=5, f=2, neighbours=1"):
        rules.krum(ROWS, f=2, neighbours=1)
    with pytest.raises(ValueError, match=r"krum needs k >= 2f\+1 for neighbours >= k-f-1; got k=4, f=2"):
        rules.krum(ROWS[:4], f=2, neighbours=3)
    with pytest.raises(ValueError, match="multi_krum needs 1 <= m <= k-f; got k=3, f=1$"):
        rules.multi_krum(ROWS[:3], f=1, neighbours=1)
    assert experiment("aggregator=krum", "num_workers=7", "f=3", "aggregator.rule.neighbours=3")


def test_kardam_of_published_comparisons_can_be_expressed():
    """BASGD tests γ = 14 of 30 workers; Zeno++, without the frequency filter, up to 8 of 10."""
    basgd = ("aggregator.filters.lipschitz.strict=false", "aggregator.filters.frequency.strict=false")
    assert experiment("aggregator=kardam", "num_workers=30", "f=14", *basgd)
    with pytest.raises(ValueError, match="frequency needs num_workers > 2f; got num_workers=30, f=15"):
        experiment("aggregator=kardam", "num_workers=30", "f=15", *basgd)
    zeno = ("aggregator=kardam", "aggregator/filters=[lipschitz]", "num_workers=10")
    assert experiment(*zeno, "f=8", "aggregator.filters.lipschitz.strict=false")
    with pytest.raises(ValueError, match="lipschitz needs num_workers > f; got num_workers=10, f=10"):
        experiment(*zeno, "f=10", "aggregator.filters.lipschitz.strict=false")


def test_a_run_without_the_condition_is_computed_and_says_so():
    run = experiment("aggregator=kardam", "aggregator/filters=[lipschitz]", "num_workers=10", "num_byzantine=4",
                     "aggregator.filters.lipschitz.strict=false", "budget.arrivals=40",
                     "eval_every=40").run()  # fmt: skip
    assert run.info["status"] == "finished"
    assert run.config["aggregator"]["filters"]["lipschitz"]["strict"] is False
