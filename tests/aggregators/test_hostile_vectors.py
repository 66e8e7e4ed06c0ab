"""Vectors of any size, and vectors that are none: what servers answer, also when a liar is first."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path

import pytest
import torch

import byzsgd
from byzsgd import experiment
from byzsgd.config.catalogue import members
from byzsgd.interfaces import Arrival, Reply, ServerContext
from byzsgd.kernel.randomness import Streams

SERVERS = [member.name for member in members("aggregator")]
D, WORKERS, LIARS = 4, 15, (0, 1, 2)
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "servers.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Vectors of any size")[2].partition("\n## ")[0]
UNBOUNDED = set(re.findall(r"`(\w+)`", SECTION.partition("not bounded")[2].partition("\n\n")[0]))
# Undefended: what is not finite reaches the model, and the run has diverged.
OPEN = UNBOUNDED - {"kardam", "kardam_author", "flag", "dnc", "weighted_ctma"}

ALTERNATING = torch.tensor([1.0, -1.0] * (D // 2), dtype=torch.float64)


def payloads(*sizes):
    """What the three liars send."""
    return [torch.full((D,), size, dtype=torch.float64) for size in sizes]


NON_FINITE = [
    [torch.tensor([math.nan, 0, 0, 0], dtype=torch.float64)] * 3,
    [ALTERNATING * math.inf] * 3,
]
HUGE = [payloads(1e30, 1e30, 1e30), [ALTERNATING * 1.7e308] * 3, payloads(1e308, 1e150, 1e20)]
TINY = [payloads(5e-324, 5e-324, 5e-324), payloads(1e-308, 1e30, -0.0)]


@functools.cache
def server_of(name, *overrides):
    return experiment(f"aggregator={name}", *overrides, f"num_workers={WORKERS}", "num_byzantine=3").aggregator


def farthest(server, sent_by_liars, rounds=2):
    """The largest |x| on the way of a model around ½‖x‖² from x = 1, the liars' vectors first in every round."""
    params = torch.ones(D, dtype=torch.float64)
    streams = Streams(0)
    noise = streams.generator("noise")
    context = ServerContext(WORKERS, params, lambda at: at.clone(), lambda name, step: streams.generator(name, 0, step))
    state, models, largest = server.init(context), [params.clone()], 1.0
    for number in range(rounds * WORKERS):
        worker, step = number % WORKERS, len(models) - 1
        read_at = max(0, step - 3)
        honest = models[read_at] + 0.05 * torch.from_numpy(noise.normal(size=D))
        sent = sent_by_liars[worker] if worker in LIARS else honest
        decision = server.receive(state, Arrival(float(number), worker, read_at, step, sent, models[read_at]))
        if decision.direction is not None:
            params.sub_(decision.direction, alpha=0.05)
            models.append(params.clone())
            largest = max(largest, float(params.abs().max())) if bool(params.isfinite().all()) else math.inf
    return largest


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_bounded_exactly_where_the_docs_say_so(name):
    worst = [farthest(server_of(name), sent) for sent in HUGE]
    assert (max(worst) < 10) == (name not in UNBOUNDED)


@pytest.mark.parametrize("name", [name for name in SERVERS if name not in UNBOUNDED])
def test_a_bounded_server_is_not_led_astray_by_the_shortest_vectors(name):
    assert max(farthest(server_of(name), sent) for sent in TINY) < 10


@pytest.mark.parametrize("name", SERVERS)
def test_what_is_not_finite_reaches_no_model_but_an_undefended_one(name):
    worst = [farthest(server_of(name), sent) for sent in NON_FINITE]
    assert (max(worst) < 10) == (name not in OPEN)


GOES_ON = {
    "every": ("aggregator=asgd", "aggregator/rule=geometric_median"),
    "a buffer without slots": ("aggregator=fedbuff", "aggregator/rule=median", "aggregator.collector.size=2"),
    "latest": ("aggregator=weighted_rfa", "aggregator.collector.quorum=1"),
    "a round with more liars than f": ("aggregator=trimmed_mean", "f=2"),
    "behind a filter": ("aggregator=asgd", "aggregator/filters=[frequency]", "aggregator/rule=median", "f=0"),
}


@pytest.mark.parametrize("case", GOES_ON)
def test_a_step_without_enough_finite_rows_is_refused_and_the_run_goes_on(case):
    ids = "byzantine_ids=[0,1,2]"
    run = byzsgd.experiment(*GOES_ON[case], ids, "num_byzantine=3", "attack=not_a_number", "delay.byzantine.speed=10",
                            "budget.arrivals=60", "eval_every=60").run()  # fmt: skip
    assert run.info["status"] == "finished"
    assert run.arrivals["arrival"].to_list() == list(range(60))
    refused = run.arrivals.filter(run.arrivals["reason"] == "not_finite")
    assert len(refused) > 0
    assert not refused["accepted"].any()
    assert not refused["updated"].any()
    assert set(refused["weight"]) == {0.0}


def test_a_round_that_fails_sends_everybody_the_model_again():
    server = experiment("aggregator=median", "num_workers=3", "num_byzantine=1").aggregator
    state = server.init(ServerContext(3, torch.zeros(1)))
    arrivals = [Arrival(0.0, worker, 0, 0, torch.tensor([math.nan]), None) for worker in range(3)]
    replies = [server.receive(state, arrival).reply for arrival in arrivals]
    assert replies == [Reply.HOLD, Reply.HOLD, Reply.RESTART]
    assert server.preview(state, [arrivals[0]]).direction is None


WEIGHTED = [("weighted_median",), ("weighted_rfa",), ("weighted_ctma", "aggregator.rule.share=0.45")]


@pytest.mark.parametrize("named", WEIGHTED)
def test_weighted_servers_wait_for_more_than_2f_workers(named):
    server = server_of(*named)
    state = server.init(ServerContext(WORKERS, torch.zeros(1)))
    waiting = [0, 1, 2, 0, 1, 2, 3, 4, 5]
    decisions = [server.receive(state, Arrival(0.0, w, 0, 0, torch.tensor([1e20 if w < 3 else 1.0]), None))
                 for w in [*waiting, *range(6, 15)]]  # fmt: skip
    assert all(decision.accepted and decision.direction is None for decision in decisions[: len(waiting)])
    assert decisions[len(waiting)].direction is not None
    # By then every liar has delivered twice: six of ten. Once the honest ones outweigh them, their vectors do.
    assert decisions[-1].direction.item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("named", WEIGHTED)
def test_a_huge_first_delivery_does_not_move_a_weighted_server(named):
    assert farthest(server_of(*named), payloads(1e20, 1e20, 1e20)) < 10


BEHIND_LATEST = [
    ("aggregator/rule=trimmed_mean", "aggregator.collector.quorum=6", r"trimmed_mean needs k >= 2f\+1; got k=6, f=3"),
    ("aggregator/preaggregator=[nnm]", "aggregator.collector.quorum=1", r"nnm needs k >= 2f\+1; got k=1, f=3"),
    ("aggregator/rule=median", "aggregator.collector.quorum=0", "latest needs quorum >= 1; got quorum=0"),
    ("aggregator/rule=median", "aggregator.collector.quorum=16", "latest needs quorum <= num_workers"),
]


@pytest.mark.parametrize(("part", "quorum", "said"), BEHIND_LATEST)
def test_what_stands_behind_latest_is_checked_before_the_run(part, quorum, said):
    with pytest.raises(ValueError, match=said):
        experiment("aggregator=asgd", "aggregator/collector=latest", part, quorum)


def test_a_rule_behind_latest_is_given_the_rows_that_it_was_promised():
    world = ("aggregator=asgd", "aggregator/collector=latest", "aggregator/rule=trimmed_mean")
    assert farthest(experiment(*world, "num_byzantine=3").aggregator, payloads(1e30, 1e30, 1e30)) < 10
