"""Same configuration, same place; different configurations, different places."""

import copy
import re
import subprocess

import pytest
from deliveries import CONFIG

from byzsgd.records import NOT_IDENTITY, collect_info, info, run_id, run_name


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
