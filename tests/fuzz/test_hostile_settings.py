"""Settings of a wrong type, and values that cannot work: refused in one line before anything is computed."""

from __future__ import annotations

import math
import types
import typing
from pathlib import Path

import pytest
import yaml

from byzsgd import experiment
from byzsgd.config.annotations import described, fits
from byzsgd.config.objects import ALLOWED
from byzsgd.config.targets import ConfigError, _hints, _located, check
from byzsgd.signatures import by_name

CONF = Path(__file__).parents[2] / "conf"
VALUES = {
    "null": None,
    "true": True,
    "text": "x",
    "nan": math.nan,
    "beyond a word": 10**30,
    "beyond all numbers": 10**400,
    "list of lists": [[1]],
    "list of nulls": [None],
    "empty mapping": {},
    "mapping": {"a": 1},
    "list of mappings": [{}],
}


def targets():
    """Every `_target_` of every YAML file."""
    nodes = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(CONF.rglob("*.yaml"))]
    found = set()
    while nodes:
        node = nodes.pop()
        nodes += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        if isinstance(node, dict) and str(node.get("_target_", "")).startswith("byzsgd."):
            found.add(node["_target_"])
    return sorted(found)


def options(hint):
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [each for option in typing.get_args(hint) for each in options(option)]
    return [hint]


def admitted(hint):
    """Which of VALUES an annotation admits, said once more in the plainest way."""
    kinds = options(hint)
    if any(kind in (typing.Any, object) for kind in kinds):
        return set(VALUES)
    mapping = [kind for kind in kinds if "Mapping" in (origin := str(typing.get_origin(kind))) or "dict" in origin]
    return {
        *(["null"] if types.NoneType in kinds else []),
        *(["true"] if bool in kinds else []),
        *(["text"] if str in kinds else []),
        *(["beyond a word"] if float in kinds else []),
        *(["list of lists"] if {"Tensor", "ndarray"} & {getattr(kind, "__name__", "") for kind in kinds} else []),
        *(["empty mapping"] if mapping else []),
        *(["mapping"] if mapping and typing.get_args(mapping[0])[1] in (typing.Any, object) else []),
    }


def test_every_setting_of_every_target_admits_what_its_annotation_says():
    """The twin knows annotations by their words."""
    wrong, tried = [], 0
    for target in targets():
        located = _located(target, ALLOWED, "here")
        hints = _hints(located)
        for name in by_name(located):
            hint = hints.get(name, typing.Any)
            assert "\n" not in described(hint)
            tried += len(VALUES)
            wrong += [
                f"{target}.{name}: {hint} and {label}"
                for label, value in VALUES.items()
                if fits(value, hint) != (label in admitted(hint))
            ]
    assert not wrong
    assert tried > 6000


def test_what_does_not_fit_is_told_by_its_place():
    node = {"_target_": "byzsgd.aggregators.pipeline", "_partial_": True, "filters": {"frequency": 7}}
    with pytest.raises(ConfigError, match=r"here.filters.frequency needs a Filter \(a node with its own settings\)"):
        check(node, ALLOWED, "here")
    with pytest.raises(ConfigError, match=r"here.damping needs a Damping .*; got \[\]"):
        check(node | {"filters": {}, "damping": []}, ALLOWED, "here")


REFUSED = [
    (["budget.time=[1,2]"], "budget.time needs a number or null; got [1, 2]"),
    (["byzantine_ids=[[1]]"], "byzantine_ids needs a list of whole numbers or null; got [[1]]"),
    (["delay.communication=[1]"], "delay.communication needs"),
    (["plugins=3"], "plugins needs a list of texts; got 3"),
    (["plugins=[1]"], "plugins needs a list of texts; got [1]"),
    (["seed=1000000000000000000000000"], "seed needs a whole number; got 1000000000000000000000000"),
    (["delay=d1", "delay.mean=nan"], "delay.mean needs a number; got nan"),
    (["delay=d1", "delay.max=1000000000"], "prescribed staleness needs an integer max of 0 to 1000000"),
    (["threads=1000000000"], "threads needs a value <= 1024; got threads=1000000000"),
    (["num_workers=1000000000"], "num_workers needs what fits into this machine's memory of"),
    (["scheme=d_psgd", "num_workers=1000000"], "num_workers needs what fits into this machine's memory of"),
    (["aggregator=rfa", "aggregator.rule.smoothing=inf"], "rfa needs 1e-100 <= smoothing <= 1e100; got smoothing=inf"),
    (["aggregator=rfa", "aggregator.rule.smoothing=1e-320"], "rfa needs 1e-100 <= smoothing <= 1e100"),
    (["aggregator=weighted_rfa", "aggregator.rule.smoothing=inf"], "weighted_geometric_median needs 1e-100 <="),
    (["aggregator=flag", "aggregator.rule.pairwise=inf"], "flag needs 0 <= pairwise < inf; got pairwise=inf"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_what_cannot_work_is_refused_while_composing(words, said):
    with pytest.raises(ValueError) as refusal:
        experiment(*words)
    assert str(refusal.value).startswith(said) and "\n" not in str(refusal.value)


def test_a_centre_of_the_wrong_length_is_refused_before_the_first_gradient():
    made = experiment("aggregator=centered_clipping", "aggregator.rule.centre=[1,2]", "model=logistic_regression")
    prepared = made.prepare()
    with pytest.raises(ValueError, match=r"centered_clipping needs centre of length d; got shape=\(2,\), d=650"):
        prepared.begin(prepared.initial.clone())


def test_a_centre_of_the_right_length_is_where_the_rule_begins():
    words = ("model=logistic_regression", "aggregator=centered_clipping", "budget.arrivals=15", "num_byzantine=0",
             "aggregator.rule.radius=0.01")  # fmt: skip
    plain, moved = (experiment(*words, f"aggregator.rule.centre={[value] * 650}").run() for value in (0.0, 0.001))
    assert plain.metrics["train_loss"][0] == moved.metrics["train_loss"][0]
    assert plain.metrics["train_loss"][-1] != moved.metrics["train_loss"][-1]


def test_a_whole_number_beyond_a_word_is_a_real_one():
    run = experiment("optimizer.lr=1000000000000000000000000000000", "budget.arrivals=60", "engine=loop").run()
    assert run.info["status"] == "diverged"


@pytest.mark.parametrize("beta", ["1e-30", "1e-320"])
@pytest.mark.parametrize(("alpha", "weights"), [(0.5, {0.0}), (0.0, {1.0})])
def test_a_root_beyond_all_numbers_weighs_nothing(beta, alpha, weights):
    chosen = ("aggregator=asgd", "aggregator/damping=root_exponential", "budget.arrivals=40", "engine=loop")
    run = experiment(*chosen, f"aggregator.damping.beta={beta}", f"aggregator.damping.alpha={alpha}").run()
    late = run.arrivals.filter(run.arrivals["staleness"] > 1)
    assert set(late["weight"]) == weights


class Heard:
    """A screen that keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)

    def __getattr__(self, name):
        return lambda *_: None


def test_a_run_without_an_update_says_so():
    heard = Heard()
    words = ("aggregator=fedbuff", "aggregator.collector.size=100", "budget.arrivals=30", "engine=loop")
    experiment(*words).run(screen=heard)
    assert "no update in 30 deliveries: the server refused them or still waits for more" in heard.lines


def test_jobs_that_no_presence_is_long_enough_for_end_the_run():
    around = ("delay=constant", "delay/availability=bernoulli", "delay.availability.slot=0.01", "num_workers=3")
    with pytest.raises(ValueError, match="the clock needs a worker that stays long enough for one of its jobs; got"):
        experiment(*around, "num_byzantine=0", "aggregator=asgd", "delay.availability.probability=0.5").run()
