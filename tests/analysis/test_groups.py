"""Runs that differ in the seed alone are one curve; a label says what differs and nothing else."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest
from made_up_runs import run, sweep

from byzsgd.analysis import compare
from byzsgd.analysis.paired import block
from byzsgd.plotting.panels import arrange


def labels(comparison):
    return [group.label(comparison.keys) for group in comparison.groups]


def test_seeds_are_one_group():
    comparison = compare([run(seed=seed) for seed in range(4)])
    assert comparison.keys == ()
    assert [len(group.runs) for group in comparison.groups] == [4]
    assert "4\u00a0seeds" in comparison.caption()
    assert "kardam" in comparison.caption()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_a_seed_that_was_run_twice_the_newest_counts(order):
    pair = [run(), run()]
    for made, day in zip(pair, ("2026-01-01", "2026-01-02"), strict=True):
        made.info["started"] = day
    ((group,), notes) = (comparison := compare([pair[place] for place in order])).groups, comparison.notes
    assert [made.info["started"] for made in group.runs] == ["2026-01-02"]
    assert "each seed counts once, the newest" in notes[0]


def test_only_what_differs_is_in_the_label():
    comparison = compare(sweep(("asgd", "kardam"), ("none", "lie"), 2))
    assert comparison.keys == ("aggregator", "attack")  # neither asgd's lack of damping nor lie's z is news
    assert labels(comparison) == ["asgd, no attack", "asgd, lie", "kardam, no attack", "kardam, lie"]
    assert "kardam" not in comparison.caption()


def test_a_part_exchanged_within_one_server_is_told():
    comparison = compare([run(), run(choices={"aggregator/damping": "exponential"})])
    assert sorted(labels(comparison)) == ["exponential damping", "inverse damping"]


def test_a_part_exchanged_in_one_of_two_servers_is_told():
    comparison = compare([run(), run("asgd"), run(choices={"aggregator/damping": "exponential"})])
    assert comparison.keys == ("aggregator", "aggregator/damping")


def test_a_group_chosen_for_a_place_is_a_part_of_what_stands_there():
    """Hydra calls the server's rule of a node `aggregator/rule@scheme.rule.rule`; it follows from `scheme/rule`."""
    within = {"scheme/rule": "rfa", "aggregator/rule@scheme.rule.rule": "rfa"}
    assert compare([run(choices={"scheme/rule": "mean"}), run(choices=within)]).keys == ("scheme/rule",)
    other = {**within, "aggregator/rule@scheme.rule.rule": "krum"}
    assert compare([run(choices=within), run(choices=other)]).keys == ("scheme/rule/rule",)


def test_f_that_follows_num_byzantine_is_no_news():
    comparison = compare([run(byzantine=count) for count in (4, 0, 2)])
    assert labels(comparison) == ["0 Byzantine", "2 Byzantine", "4 Byzantine"]


def test_declared_f_is_told_where_it_stands_alone():
    settings = [{"f": declared} for declared in (3, 4)]
    assert labels(compare([run(settings=setting) for setting in settings])) == ["declared f = 3", "declared f = 4"]


def test_a_setting_that_goes_with_a_server_is_told():
    comparison = compare([run("asgd", settings={"optimizer": {"lr": 0.05}}), run(settings={"optimizer": {"lr": 0.1}})])
    assert labels(comparison) == ["asgd, lr = 0.05", "kardam, lr = 0.1"]


def test_how_it_was_computed_makes_no_group():
    other = {"engine": {"_target_": "byzsgd.kernel.engine.batched"}, "device": "cuda", "threads": 4, "data_root": "/d"}
    assert len(compare([run(), run(seed=1, settings=other)]).groups) == 1


def test_runs_from_an_old_record_lack_a_setting():
    assert labels(compare([run(), run(settings={"stamps": False})])) == ["–", "no stamps"]


def test_no_runs():
    with pytest.raises(ValueError, match="a figure needs at least one run; got none"):
        compare([])


def test_unfinished_runs_are_said():
    runs = [run(), run(seed=1, status="unfinished")]
    assert "1 of 2 runs unfinished" in compare(runs).caption().replace("\u00a0", " ")


def test_a_setting_that_goes_with_a_server_makes_no_panels():
    lrs = {"asgd": 0.04, "kardam": 1.0}
    runs = [
        run(server, attack, settings={"optimizer": {"lr": lrs[server]}}) for server in lrs for attack in ("none", "lie")
    ]
    comparison = compare(runs)
    assert comparison.keys == ("aggregator", "attack", "optimizer.lr")
    assert comparison.besides("aggregator") == ("attack",)
    assert comparison.with_own("aggregator") == ("aggregator", "optimizer.lr")
    arrangement = arrange(comparison)
    assert [title for title, _ in arrangement.panels] == ["no attack", "lie"]
    assert [text for text, _ in arrangement.entries(comparison.groups)] == ["asgd, lr = 0.04", "kardam, lr = 1"]
    assert len(block(comparison, comparison.groups[0])) == 2
    crossed = compare([*runs, run("asgd", "lie", settings={"optimizer": {"lr": 1.0}})])
    assert "optimizer.lr" in crossed.besides("aggregator")


def test_the_share_of_liars_is_that_of_runs_that_did_not_diverge():
    kept, lost = run(), run(seed=1, status="diverged")
    lost = dataclasses.replace(lost, arrivals=lost.arrivals.with_columns(byzantine=pl.lit(True)))
    share = kept.arrivals["byzantine"].mean()
    assert f"λ\u00a0=\u00a0{share:.2f}" in compare([kept, lost]).caption()
    assert "λ\u00a0=\u00a01.00" not in compare([kept, lost]).caption()
    assert "λ" not in compare([lost]).caption()


def test_a_caption_says_which_conditions_of_theory_were_lifted():
    strict, lifted = run(), run(seed=1)
    node = {"f": 6, "strict": False}
    lifted.config["aggregator"] = {**lifted.config["aggregator"], "filters": {"lipschitz": node, "frequency": node}}
    assert "lifted" not in compare([strict]).caption()
    said = compare([strict, lifted]).caption().replace("\u00a0", " ")
    assert "conditions of theory lifted: frequency, lipschitz" in said
