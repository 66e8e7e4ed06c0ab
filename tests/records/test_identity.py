"""Same configuration, same place; different configurations, different places."""

import copy
import re
import subprocess

import pytest
import yaml
from deliveries import CONFIG

import byzsgd
from byzsgd.records import NOT_IDENTITY, collect_info, info, read_config, run_id, run_name
from byzsgd.records.identity import difference
from byzsgd.records.moved import NEUTRAL, WORDS, completed, in_first_words, up_to_date


def changed(path, value):
    config = copy.deepcopy(CONFIG)
    *where, last = path.split(".")
    node = config
    for key in where:
        node = node.setdefault(key, {})
    node[last] = value
    return config


def test_it_is_stable():
    assert run_id({"seed": 1, "aggregator": {"_target_": "byzsgd.aggregators.krum", "f": 2}}) == "9fb11cb4f0"


# Computed by version 0.1, when digits had no validation examples and nothing was compiled.
FIRST = [
    ((), "43eced7cb1"),
    (("seed=3",), "494921ab4f"),
    (("aggregator=krum", "attack=lie"), "ab0019229e"),
    (("aggregator=asgd", "optimizer.lr=.01"), "0f4941f5de"),
    (("delay=d1", "aggregator=dynsgd"), "bd0be5fd6e"),
    (("worker=local_steps", "aggregator=asgd"), "35fe1806d5"),
    (("dataset=quadratic", "aggregator=asgd"), "94a424e54f"),
    (("aggregator=basgd", "attack=adaptive", "attack.plane=0"), "930269482f"),
    (("engine=loop", "metrics.study=true", "budget.updates=100"), "56f115249d"),
    (("aggregator=trimmed_mean", "partition=dirichlet", "num_workers=20", "delay=pareto"), "d07d86cf6d"),
]


@pytest.mark.parametrize(("overrides", "identity"), FIRST)
def test_ids_are_those_of_version_0_1(overrides, identity):
    before = [
        *(["dataset.validation_share=0.0"] if "dataset=quadratic" not in overrides else []),
        *(["engine.compiled=false"] if "engine=loop" not in overrides else []),
    ]
    assert run_id(byzsgd.experiment(*before, *overrides).config) == identity


def as_stored_by_0_1(folder):
    """A whole configuration with the words that version 0.1 wrote, in a folder."""
    text = yaml.safe_dump(dict(byzsgd.experiment("seed=3").config), sort_keys=False)
    for target, word in WORDS.items():
        assert f"_target_: {target}\n" in text
        text = text.replace(f"_target_: {target}\n", f"_target_: {word}\n")
    (folder / "config.yaml").write_text(text)
    return folder


def test_a_configuration_of_version_0_1_is_read_with_the_names_of_today(tmp_path):
    config = byzsgd.experiment("seed=3").config
    assert read_config(as_stored_by_0_1(tmp_path)) == config
    assert run_id(yaml.safe_load((tmp_path / "config.yaml").read_text())) == run_id(config)


@pytest.mark.parametrize(
    ("group", "node"), [(group, member) for group, members in NEUTRAL.items() for member in members]
)
def test_a_group_that_0_1_did_not_have_does_not_count_where_it_changes_nothing(group, node):
    added = {**CONFIG, group: None if node is None else {"_target_": node, "more": 1}}
    assert run_id(added) == run_id(CONFIG)
    assert difference(CONFIG, {**added, "seed": 5}) == "seed=5 instead of 3"
    assert run_id({**CONFIG, group: {"_target_": f"{node}_other"}}) != run_id(CONFIG)


@pytest.mark.parametrize("path", sorted(NOT_IDENTITY))
def test_what_cannot_change_the_result_does_not_count(path):
    assert run_id(changed(path, "somewhere")) == run_id(changed(path, "elsewhere")) == run_id(CONFIG)


@pytest.mark.parametrize(("path", "value"), [
    ("seed", 4), ("optimizer.lr", 2e-5), ("optimizer.force", True), ("aggregator.filters.lipschitz.f", 2),
    ("threads", 2), ("device", "cuda"), ("num_workers", None), ("num_workers", "4"), ("optimizer.lr", [1e-5]),
])  # fmt: skip
def test_what_can_does(path, value):
    assert run_id(changed(path, value)) != run_id(CONFIG)


def test_the_order_of_keywords_does_not_count_the_order_of_parts_does():
    turned = dict(reversed(CONFIG.items()))
    turned["optimizer"] = dict(reversed(CONFIG["optimizer"].items()))
    assert run_id(turned) == run_id(CONFIG)
    turned = copy.deepcopy(CONFIG)
    turned["aggregator"]["filters"] = dict(reversed(CONFIG["aggregator"]["filters"].items()))
    assert run_id(turned) != run_id(CONFIG)


def test_the_format_belongs_to_it(monkeypatch):
    before = run_id(CONFIG)
    monkeypatch.setattr("byzsgd.records.identity.FORMAT", 99)
    assert run_id(CONFIG) != before


def test_a_name_is_sorted_readable_and_ends_with_the_id():
    overrides = ["seed=1", "aggregator/rule=krum", "attack=lie", "aggregator.collector.size=11", "force=true"]
    assert run_name(overrides, "0123456789") == "attack-lie__rule-krum__seed-1__size-11__0123456789"
    assert run_name(list(reversed(overrides)), "0123456789") == run_name(overrides, "0123456789")
    assert run_name([], "0123456789") == "default__0123456789"


@pytest.mark.parametrize("override", ["data_root=/x", "a=../../etc", "a=b c$(d)", "+a=[1,2]", "~a", "a='x\n'", "ü=é"])
def test_a_name_is_safe_for_any_file_system(override):
    assert re.fullmatch(r"[A-Za-z0-9+_.~-]+", run_name([override, "seed=0"], "0123456789"))
    assert not run_name([override], "0123456789").startswith((".", "-"))


def test_a_name_is_bounded():
    name = run_name([f"key{i}={'x' * 30}" for i in range(20)], "0123456789")
    assert len(name) <= 120
    assert name.endswith("~__0123456789")


def test_info_says_with_what(tmp_path):
    found = collect_info(seed=1, device="cpu", engine="loop", num_parameters=7, byzantine_ids=(2, 3))
    assert {"byzsgd", "python", "torch", "numpy"} <= found["versions"].keys()
    assert found["byzantine_ids"] == [2, 3]
    assert found["status"] == "running"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", found["started"])


@pytest.mark.parametrize("trouble", [FileNotFoundError(), subprocess.TimeoutExpired("git", 10), PermissionError()])
def test_no_git_is_no_problem(monkeypatch, trouble):
    def fail(*_, **__):
        raise trouble

    monkeypatch.setattr(info.subprocess, "run", fail)
    assert info.commit() is None


def test_a_wheel_knows_its_commit(monkeypatch, tmp_path):
    """As hatch_build.py leaves it."""
    monkeypatch.setattr(info.byzsgd, "__file__", str(tmp_path / "byzsgd" / "__init__.py"))
    assert info.commit() is None
    (tmp_path / "byzsgd").mkdir()
    (tmp_path / "byzsgd" / "COMMIT").write_text("0123abc\n")
    assert info.commit() == "0123abc"


# What version 0.1 called these runs, whose parts have had a parameter more since.
SINCE_0_1 = {
    ("aggregator=weighted_rfa", "aggregator.collector.quorum=1"): "6c3c0a1f76",
    ("aggregator=krum",): "04669dcf20",
    ("aggregator=quorum",): "156a3668eb",
    ("aggregator=kardam", "attack=adaptive", "attack.plane=0"): "54cfa3a920",
}


@pytest.mark.parametrize("overrides", SINCE_0_1)
def test_a_parameter_at_the_value_before_it_existed_does_not_count(overrides):
    config = byzsgd.experiment(*overrides, "dataset.validation_share=0.0", "engine.compiled=false").config
    assert run_id(config) == SINCE_0_1[overrides]
    assert completed(up_to_date(in_first_words(config))) == config


def test_a_parameter_that_is_new_counts_at_any_other_value():
    ids = {run_id(byzsgd.experiment(*overrides, more).config) for overrides, more in (
        (("aggregator=weighted_rfa",), "aggregator.collector.quorum=1"),
        (("aggregator=weighted_rfa",), "aggregator.collector.quorum=7"),
        (("aggregator=krum",), "aggregator.rule.strict=true"),
        (("aggregator=krum",), "aggregator.rule.strict=false"),
        (("aggregator=krum",), "engine.compiled=false"),
    )}  # fmt: skip
    assert len(ids) == 5
