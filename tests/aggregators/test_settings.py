"""Impossible settings of servers and their parts: refused before any work, in one line that names the numbers."""

import pytest
import yaml

from byzsgd import experiment
from byzsgd.cli import main
from byzsgd.config.catalogue import members
from byzsgd.config.locations import CONF
from byzsgd.interfaces import Arrival

# of parts, by group and member: (setting, value, what is said)
BAD_PARTS = {
    "damping": {
        "ada_delay": [("rate", -0.1, "ada_delay needs 0 <= rate < inf")],
        "delay_adaptive": [
            ("concurrency", 0, "delay_adaptive needs 0 < concurrency < inf"),
            ("concurrency", -2, "0 < concurrency < inf"),
        ],
        "exponential": [("alpha", -1, "0 <= alpha < inf"), ("alpha", "nan", "alpha needs a number")],
        "hinge": [("slope", -1, "0 <= slope < inf"), ("knee", -1, "0 <= knee < inf")],
        "polynomial": [("exponent", -0.5, "0 <= exponent < inf"), ("exponent", "inf", "0 <= exponent < inf")],
        "root_exponential": [
            ("alpha", -1, "0 <= alpha < inf"),
            ("beta", 0, "root_exponential needs 0 < beta < inf; got beta=0"),
            ("beta", -5, "0 < beta < inf"),
        ],
    },
    "collector": {
        "buckets": [
            ("buckets", 0, "buckets >= 1"),
            ("reassign_after", 6, "reassign_after >= buckets, or null; got reassign_after=6, buckets=7"),
            ("buckets", 16, "buckets <= num_workers, or some would stay empty; got buckets=16, num_workers=15"),
        ],
        "buffer": [("size", 0, "buffer needs size >= 1"), ("slots", "maybe", "aggregator.collector.slots")],
        "sample": [("size", 0, "sample needs size >= 1")],
        "latest": [
            ("missing", "forget", "one of skip, zero"),
            ("quorum", 0, "latest needs quorum >= 1"),
            ("quorum", 16, "quorum <= num_workers, or there would never be a step; got quorum=16, num_workers=15"),
        ],
    },
    "filters": {
        "afl_guard": [("radius", -1, "radius >= 0"), ("refresh", 0, "refresh >= 1")],
        "frequency": [
            ("f", -1, "f >= 0"),
            ("f", 5, "num_workers > 3f; got num_workers=15, f=5"),
            ("strict", "no idea", "aggregator.filters.frequency.strict"),
        ],
        "lipschitz": [
            ("f", -1, "f >= 0"),
            ("f", 5, "num_workers > 3f; got num_workers=15, f=5"),
            ("strict", 2, "aggregator.filters.lipschitz.strict"),
            ("candidate", "both", "one of worker, server"),
            ("memory", "mean", "one of last, max"),
            ("warmup", "none", "one of all, quorum"),
            ("hatch", 3, "aggregator.filters.lipschitz.hatch"),
        ],
        "max_staleness": [("limit", -1, "limit >= 0, or null"), ("limit", 1.5, "max_staleness.limit needs")],
        "zeno": [
            ("gamma", 0, "gamma > 0"),
            ("gamma", "nan", "gamma needs a number"),
            ("rho", -1, "rho >= 0"),
            ("epsilon", -0.1, "epsilon >= 0"),
            ("refresh", 0, "refresh >= 1"),
        ],
    },
}
CASES = [(group, name, *bad) for group, parts in BAD_PARTS.items() for name, cases in parts.items() for bad in cases]


def chosen(group, name, setting, value):
    """Overrides that put the part into plain asynchronous SGD, f of the experiment being out of the way."""
    if group == "filters":
        return ("aggregator=asgd", f"aggregator/filters=[{name}]", f"aggregator.filters.{name}.{setting}={value}")
    return ("aggregator=asgd", f"aggregator/{group}={name}", f"aggregator.{group}.{setting}={value}")


@pytest.mark.parametrize(("group", "name", "setting", "value", "said"), CASES)
def test_a_part_with_an_impossible_setting_is_refused(group, name, setting, value, said):
    with pytest.raises(ValueError) as refusal:
        experiment(*chosen(group, name, setting, value))
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("group", BAD_PARTS)
def test_every_number_of_every_part_has_a_limit_that_is_tested(group):
    for member in members(f"aggregator/{group}"):
        node = yaml.safe_load((CONF / "aggregator" / group / f"{member.name}.yaml").read_text(encoding="utf-8"))
        node = node[member.name] if group == "filters" else node
        settings = {key for key in node if not key.startswith("_")}
        assert settings == {setting for setting, *_ in BAD_PARTS[group].get(member.name, ())}, member.name


BAD_SERVERS = [
    ("throttle", "growth=0.5", "growth >= 1"),
    ("throttle", "radius_first=0", "radius_first > 0"),
    ("throttle", "radius_later=-1", "radius_later > 0"),
    ("throttle", "anchor_radius=nan", "anchor_radius needs a number"),
    ("dc_asgd", "compensation=-1", "compensation >= 0"),
    ("dc_asgd", "decay=1", "0 <= decay < 1"),
    ("dc_asgd", "epsilon=0", "epsilon > 0"),
    ("ringmaster_stop", "limit=-1", "limit >= 0"),
    ("mifa", "deltas=true", "worker=delta"),
    ("weighted_ctma", "rule.share=0.5", "0 <= share < 1/2; got share=0.5"),
    ("weighted_ctma", "rule.base=median", "weighted_median, weighted_geometric_median"),
    ("weighted_rfa", "rule.steps=0", "steps >= 1"),
    ("weighted_rfa", "rule.smoothing=0", "1e-100 <= smoothing"),
    ("kardam", "rule=null", "a member of its group"),
    ("kardam", "damping=null", "aggregator.damping"),
    ("kardam", "filters=null", "aggregator.filters"),
    ("kardam", "filters.frequency=7", "filters.frequency needs a Filter"),
]


@pytest.mark.parametrize(("name", "setting", "said"), BAD_SERVERS)
def test_a_server_with_an_impossible_setting_is_refused(name, setting, said):
    with pytest.raises(ValueError) as refusal:
        experiment(f"aggregator={name}", f"aggregator.{setting}")
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


COMBINATIONS = [
    (("aggregator=kardam", "aggregator/rule=weighted_median"), "a collector that gives weights"),
    (("aggregator=weighted_median", "aggregator/preaggregator=[nnm]"), "no preaggregator before it"),
    (("aggregator=fedbuff", "aggregator/rule=krum", "aggregator.collector.size=5"), "k >= 2f+3; got k=5, f=3"),
    (("aggregator=basgd", "aggregator.collector.buckets=5", "aggregator/rule=trimmed_mean"), "2f+1; got k=5, f=3"),
    (("aggregator=asgd", "aggregator/rule=median", "aggregator/preaggregator=[nnm]"), "k >= 2f+1; got k=1, f=3"),
    (("aggregator=quorum", "f=8"), "size <= num_workers when every worker has one slot; got size=17, num_workers=15"),
    (("aggregator=kardam", "f=5"), "num_workers > 3f; got num_workers=15, f=5"),
    (("aggregator=krum", "f=7"), "k >= 2f+3; got k=15, f=7"),
    (("aggregator=asgd", "worker=delta"), "a worker rule that sends vectors (worker=gradient)"),
]


@pytest.mark.parametrize(("overrides", "said"), COMBINATIONS)
def test_combinations_that_make_no_sense_end_in_one_line_and_code_2(overrides, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *overrides]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("metrics.jsonl"))


def asked(*overrides):
    return [name for name, _ in experiment(*overrides).aggregator.active_filters]


def test_filters_of_kardam_author_can_be_chosen():
    author = experiment("aggregator=kardam_author").aggregator
    reading = {"candidate": "server", "memory": "max", "warmup": "all", "hatch": True}
    assert {key: getattr(author.filters["lipschitz"], key) for key in reading} == reading
    for chosen_filters in ("lipschitz", "frequency", "lipschitz,frequency", "zeno", ""):
        found = asked("aggregator=kardam_author", f"aggregator/filters=[{chosen_filters}]")
        assert found == [name for name in chosen_filters.split(",") if name]
    assert asked("aggregator=kardam_author", "aggregator.filters.frequency=null") == ["lipschitz"]
    assert asked("aggregator=kardam", "aggregator/filters=[frequency,lipschitz]") == ["frequency", "lipschitz"]


@pytest.mark.parametrize("name", [member.name for member in members("aggregator/damping")])
def test_a_damping_is_between_0_and_1_never_grows_and_starts_at_1(name):
    weigh = experiment("aggregator=asgd", f"aggregator/damping={name}").aggregator.damping
    weights = [weigh(None, Arrival(0.0, 0, 100, 100 + late, None, None)) for late in range(200)]
    assert weights == sorted(weights, reverse=True)
    assert all(0 < weight <= 1 for weight in weights)
    # ada_delay also decays with the step: 1/(1 + .01·√100) here.
    assert weights[0] == pytest.approx(1 / 1.1 if name == "ada_delay" else 1)
