"""Every asynchronous server against its slow literal twin, decision by decision, over long random traces.

This is also where each override that docs/servers.md names is composed.
"""

import itertools
from dataclasses import replace
from pathlib import Path

import collecting_twins as collecting
import dampings_twin as dampings
import pytest
import rule_twins as rules
import single_twins as single
import yaml
from kardam_twin import Kardam
from table_twins import MIFA, Ringleader, Weighted
from traces import compare, composed, replay
from trusted_twins import AFLGuard, Zeno

CONF = Path(__file__).resolve().parents[2] / "conf"
ELSEWHERE = {"sign_vote"}  # tests/aggregators/test_sign_vote.py
L, F = "aggregator.filters.lipschitz", "aggregator.filters.frequency"
READINGS = list(
    itertools.product(("worker", "server"), ("last", "max"), (False, True), ("all", "quorum"), (False, True))
)


@pytest.mark.parametrize(("candidate", "memory", "hatch", "warmup", "frequency"), READINGS)
def test_kardam_in_every_reading(candidate, memory, hatch, warmup, frequency):
    kardam = composed("aggregator=kardam", "num_workers=10", "num_byzantine=3")
    reading = {"candidate": candidate, "memory": memory, "hatch": hatch, "warmup": warmup}
    lipschitz = replace(kardam.filters["lipschitz"], **reading)
    filters = {"lipschitz": lipschitz, "frequency": kardam.filters["frequency"] if frequency else None}
    asked = tuple(name for name, part in filters.items() if part is not None)
    twin = Kardam(10, 3, **reading, filters=asked, size=3)
    counts = compare(replace(kardam, filters=filters), twin, n=10, liars=3, seed=1)
    assert counts["lipschitz"] > 20
    assert ("frequency" in counts) == frequency


KARDAMS = {
    "default": ([], {"size": 3}),
    "one filter": (
        ["aggregator/filters=[lipschitz]", f"{L}.warmup=all"],
        {"warmup": "all", "filters": ("lipschitz",), "size": 3},
    ),
    "the other order": (
        ["aggregator/filters=[frequency,lipschitz]"],
        {"filters": ("frequency", "lipschitz"), "size": 3},
    ),
    "undamped": (["aggregator/damping=none"], {"damping": dampings.none, "size": 3}),
    "exponential": (
        ["aggregator/damping=exponential", "aggregator.damping.alpha=0.3"],
        {"damping": dampings.exponential(0.3), "size": 3},
    ),
    "exponential by default": (["aggregator/damping=exponential"], {"damping": dampings.exponential(), "size": 3}),
    "root exponential": (
        ["aggregator/damping=root_exponential", "aggregator.damping.alpha=0.685", "aggregator.damping.beta=1.85"],
        {"damping": dampings.root_exponential(0.685, 1.85), "size": 3},
    ),
    "root exponential by default": (
        ["aggregator/damping=root_exponential"],
        {"damping": dampings.root_exponential(), "size": 3},
    ),
    "every": (["aggregator/collector=every"], {}),
    "every, server": (["aggregator/collector=every", f"{L}.candidate=server"], {"candidate": "server"}),
    "buffer of 5": (["aggregator/collector=buffer", "aggregator.collector.size=5"], {"size": 5}),
    "one slot each, server": (
        [
            "aggregator.collector.size=4",
            "aggregator.collector.slots=true",
            f"{L}.candidate=server",
            f"{L}.memory=max",
            f"{L}.hatch=true",
            f"{F}=null",
        ],
        {
            "size": 4,
            "slots": True,
            "candidate": "server",
            "memory": "max",
            "hatch": True,
            "filters": ("lipschitz",),
        },
    ),
    "krum": (["aggregator/rule=krum", "aggregator.collector.size=9"], {"size": 9, "rule": rules.krum(3)}),
    "krum, server": (
        ["aggregator/rule=krum", "aggregator.collector.size=9", f"{L}.candidate=server", f"{L}.hatch=true"],
        {"size": 9, "rule": rules.krum(3), "candidate": "server", "hatch": True},
    ),
    "nnm, trimmed mean, server": (
        [
            "aggregator/preaggregator=[nnm]",
            "aggregator/rule=trimmed_mean",
            "aggregator.collector.size=7",
            f"{L}.candidate=server",
            f"{L}.warmup=all",
        ],
        {"size": 7, "rule": rules.trimmed_mean(3), "mix": rules.nnm(3), "candidate": "server", "warmup": "all"},
    ),
}


@pytest.mark.parametrize("variant", KARDAMS)
def test_kardam_with_other_parts(variant):
    overrides, settings = KARDAMS[variant]
    counts = replay(["aggregator=kardam", *overrides], Kardam(10, 3, **settings), seed=2)
    assert counts["lipschitz"] > 20


AUTHOR = {"candidate": "server", "memory": "max", "hatch": True, "warmup": "all", "filters": ("lipschitz",)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "f"), [(4, 1), (13, 4), (7, 0)])
def test_kardam_of_other_sizes(n, f, seed):
    liars = max(f, 1)
    replay(["aggregator=kardam"], Kardam(n, f, size=max(2, n // 3)), n=n, f=f, seed=seed, liars=liars)
    counts = replay(["aggregator=kardam_author"], Kardam(n, f, **AUTHOR), n=n, f=f, seed=seed, liars=liars)
    assert counts["updates"] > 50


def test_the_table_of_many_workers_and_long_memory():
    """n above the ranking's block size; more than 26 coefficients of one worker."""
    replay(["aggregator=kardam"], Kardam(150, 20, size=50), n=150, f=20, seed=4, arrivals=1500, d=3)
    replay(["aggregator=kardam_author"], Kardam(5, 1, **AUTHOR), n=5, f=1, seed=4, arrivals=1000, d=3)


HARMLESS = ("honest", "reversed", "zero", "again", "constant", "small")

# name: (overrides, twin for n=10 and f=3)
UNPROTECTED = {
    "asgd": ([], lambda: collecting.Buffered()),
    "dynsgd": ([], lambda: collecting.Buffered(damping=dampings.inverse)),
    "staleness_aware": ([], lambda: collecting.Buffered(damping=dampings.reciprocal)),
    "ada_delay": ([], lambda: collecting.Buffered(damping=dampings.ada_delay())),
    "delay_adaptive": ([], lambda: collecting.Buffered(damping=dampings.delay_adaptive(10))),
    "delay_adaptive ": (
        ["aggregator.damping.concurrency=3"],
        lambda: collecting.Buffered(damping=dampings.delay_adaptive(3)),
    ),
    "fedasync": ([], lambda: collecting.Buffered(damping=dampings.polynomial())),
    "fedasync constant": (["aggregator/damping=none"], lambda: collecting.Buffered()),
    "fedasync polynomial": (
        ["aggregator/damping=polynomial", "aggregator.damping.exponent=0.9"],
        lambda: collecting.Buffered(damping=dampings.polynomial(0.9)),
    ),
    "fedasync hinge": (["aggregator/damping=hinge"], lambda: collecting.Buffered(damping=dampings.hinge())),
    "fedasync hinge, set": (
        ["aggregator/damping=hinge", "aggregator.damping.slope=2", "aggregator.damping.knee=1"],
        lambda: collecting.Buffered(damping=dampings.hinge(2, 1)),
    ),
    "fedbuff": ([], lambda: collecting.Buffered(10, damping=dampings.polynomial())),
    "fedbuff set": (
        ["aggregator.collector.size=4", "aggregator.collector.slots=true", "aggregator.damping.exponent=1.5"],
        lambda: collecting.Buffered(4, True, dampings.polynomial(1.5)),
    ),
    "rennala": ([], lambda: collecting.Buffered(5, limit=0)),
    "rennala set": (
        ["aggregator.collector.size=3", "aggregator.collector.slots=true"],
        lambda: collecting.Buffered(3, True, limit=0),
    ),
    "ringmaster": ([], lambda: collecting.Buffered(limit=9)),
    "ringmaster set": (["aggregator.filters.max_staleness.limit=3"], lambda: collecting.Buffered(limit=3)),
    "ringmaster without limit": (["aggregator.filters.max_staleness.limit=null"], lambda: collecting.Buffered()),
    "ringmaster_stop": (["aggregator.limit=4"], lambda: single.RingmasterStop(10, 4)),
    "ringmaster_stop by default": ([], lambda: single.RingmasterStop(10, 9)),
    "dc_asgd": ([], lambda: single.DCASGD(0.04)),
    "dc_asgd set": (["aggregator.compensation=0.1"], lambda: single.DCASGD(0.1)),
    "dc_asgd adaptive": (["aggregator.adaptive=true", "aggregator.compensation=2"], lambda: single.DCASGD(2.0, True)),
    "dc_asgd adaptive, set": (
        ["aggregator.adaptive=true", "aggregator.decay=0.5", "aggregator.epsilon=0.01"],
        lambda: single.DCASGD(0.04, True, 0.5, 0.01),
    ),
    "mifa": ([], lambda: MIFA(10)),
    "ringleader": ([], lambda: Ringleader(10)),
    "mean": ([], lambda: collecting.Rounds(10, rules.mean)),
}


@pytest.mark.parametrize("case", UNPROTECTED)
def test_servers_without_a_defence(case):
    overrides, twin = UNPROTECTED[case]
    name = case.split()[0]
    payloads = HARMLESS[2:] if name == "dc_asgd" else HARMLESS  # what it adds grows with the cube of a vector
    counts = replay([f"aggregator={name}", *overrides], twin(), seed=3, payloads=payloads, lr=0.02)
    assert counts["updates"] > 20
    if name in ("rennala", "ringmaster", "ringmaster_stop") and "without" not in case:
        assert counts["max_staleness"] > 0


def weighted(rule):
    return lambda: Weighted(rule)


SHARE = 3 / 10
ROBUST = {
    "basgd": ([], lambda: collecting.Buckets(7, rules.median)),
    "basgd set": (["aggregator.collector.buckets=5"], lambda: collecting.Buckets(5, rules.median)),
    "basgd trimmed": (
        ["aggregator.collector.buckets=8", "aggregator/rule=trimmed_mean"],
        lambda: collecting.Buckets(8, rules.trimmed_mean(3)),
    ),
    "fedbuff robust": (
        [
            "aggregator.collector.size=8",
            "aggregator.collector.slots=true",
            "aggregator/preaggregator=[nnm]",
            "aggregator/rule=trimmed_mean",
        ],
        lambda: collecting.Buffered(8, True, dampings.polynomial(), rules.trimmed_mean(3), rules.nnm(3)),
    ),
    "quorum": ([], lambda: collecting.Buffered(7, True, rule=rules.trimmed_mean(3), mix=rules.nnm(3))),
    "krum": ([], lambda: collecting.Rounds(10, rules.krum(3))),
    "trimmed_mean": ([], lambda: collecting.Rounds(10, rules.trimmed_mean(3))),
    "weighted_median": ([], weighted(rules.weighted_median)),
    "weighted_rfa": ([], weighted(rules.weighted_geometric_median)),
    "weighted_rfa set": (
        ["aggregator.rule.steps=7", "aggregator.rule.smoothing=0.01"],
        weighted(lambda rows, weights: rules.weighted_geometric_median(rows, weights, 7, 0.01)),
    ),
    "weighted_ctma": ([], weighted(rules.ctma(SHARE))),
    "weighted_ctma set": (
        ["aggregator.rule.share=0.15", "aggregator.rule.base=weighted_geometric_median"],
        weighted(rules.ctma(0.15, rules.weighted_geometric_median)),
    ),
    "weighted_ctma median": (["aggregator.rule.base=weighted_median"], weighted(rules.ctma(SHARE))),
    "throttle": ([], lambda: single.Throttle(10)),
    "throttle set": (
        [
            "aggregator.growth=1.1",
            "aggregator.radius_first=0.8",
            "aggregator.radius_later=0.3",
            "aggregator.anchor_radius=0.5",
        ],
        lambda: single.Throttle(10, 1.1, 0.8, 0.3, 0.5),
    ),
}


def test_every_server_of_its_own_has_a_twin():
    nodes = {file.stem: yaml.safe_load(file.read_text()) for file in (CONF / "aggregator").glob("*.yaml")}
    own = {name for name, node in nodes.items() if node.get("_target_") != "byzsgd.aggregators.pipeline"}
    missing = sorted(own - ELSEWHERE - {case.split()[0] for case in (*UNPROTECTED, *ROBUST)})
    assert not missing, f"tests/aggregators/test_server_twins.py needs a case with the twin of {', '.join(missing)}"


@pytest.mark.parametrize("case", ROBUST)
def test_servers_with_a_defence(case):
    overrides, twin = ROBUST[case]
    name = case.split()[0]
    # A weighted rule needs a finite row: nobody lies before everybody was seen. The O(n) twins are slow.
    weighted = name.startswith("weighted")
    for seed in (5, 6):
        counts = replay(
            [f"aggregator={name}", *overrides, *(["aggregator.collector.quorum=1"] if weighted else [])],
            twin(),
            seed=seed,
            arrivals=200 if weighted else 800,
            quiet=60 if weighted else 0,
        )
        assert counts["updates"] > 10


TRUSTED = {
    "zeno_pp": ([], Zeno, {}),
    "zeno_pp set": (
        [f"aggregator.filters.zeno.{setting}" for setting in ("gamma=0.5", "rho=0.3", "epsilon=0.05", "refresh=3")],
        Zeno,
        {"gamma": 0.5, "rho": 0.3, "epsilon": 0.05, "refresh": 3},
    ),
    "afl_guard": ([], AFLGuard, {}),
    "afl_guard set": (
        ["aggregator.filters.afl_guard.radius=0.9", "aggregator.filters.afl_guard.refresh=1"],
        AFLGuard,
        {"radius": 0.9, "refresh": 1},
    ),
}


@pytest.mark.parametrize("case", TRUSTED)
def test_servers_with_trusted_data(case):
    overrides, twin, settings = TRUSTED[case]

    def gradient(model):
        return model + 0.1

    for seed in (7, 8):
        counts = replay(
            [f"aggregator={case.split()[0]}", *overrides],
            twin(gradient, **settings),
            seed=seed,
            trusted=gradient,
            lr=0.02,
        )
        assert counts["updates"] > 20
        assert sum(counts.values()) - counts["updates"] - counts["accepted"] > 20
