"""Laws of all servers, parametrised over the YAML files, and hand-computed traces of those that are not Kardam."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import fields, is_dataclass, replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from byzsgd import experiment
from byzsgd.aggregators import rules
from byzsgd.config.catalogue import members
from byzsgd.interfaces import Arrival, Reply, ServerContext
from byzsgd.kernel.lookahead import events
from byzsgd.kernel.randomness import Streams
from byzsgd.records.tree import check

SERVERS = [member.name for member in members("aggregator")]
D = 7


def vector(*values):
    return torch.tensor([float(value) for value in values], dtype=torch.float64)


class World:
    """A server around a quadratic ½‖x‖², n=15 workers of which three lie, staleness up to 5."""

    def __init__(self, *overrides, num_workers=15, seed=0, d=D, liars=3):
        self.server = experiment(*overrides, f"num_workers={num_workers}", f"num_byzantine={liars}").aggregator
        self.n, self.liars = num_workers, liars
        self.rng = Streams(seed).generator("world")
        self.params = torch.ones(d, dtype=torch.float64)
        streams = Streams(seed)
        self.context = ServerContext(
            num_workers,
            self.params,
            lambda params: params.clone(),
            lambda name, step: streams.generator(name, 0, step),
        )
        self.state = self.server.init(self.context)
        self.models = [self.params.clone()]
        self.lr = 0.05

    def arrival(self, worker=None, honest=False):
        worker = int(self.rng.integers(self.n)) if worker is None else worker
        step = len(self.models) - 1
        read_at = max(0, step - int(self.rng.integers(6)))
        sent = self.models[read_at] + 0.05 * torch.from_numpy(self.rng.normal(size=len(self.params)))
        if worker < self.liars and not honest:
            sent = -5 * sent
        return Arrival(float(step), worker, read_at, step, sent, self.models[read_at])

    def deliver(self, arrival):
        decision = self.server.receive(self.state, arrival)
        if decision.direction is not None:
            self.params.sub_(decision.direction, alpha=self.lr)
            self.models.append(self.params.clone())
        return decision


def same(a, b):
    """Deep equality of states and decisions, tensors included."""
    if isinstance(a, ServerContext):
        return True
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b) or (a.shape == b.shape and bool((a.isnan() == b.isnan()).all()) and a.isnan().any())
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize("name", SERVERS)
def test_preview_is_receive_and_changes_nothing(name):
    world = World(f"aggregator={name}")
    check(world.state, name)
    for _ in range(60):
        arrivals = [world.arrival() for _ in range(2)]
        before = copy.deepcopy(world.state)
        foreseen = world.server.preview(world.state, arrivals)
        assert same(world.state, before)
        forked = copy.deepcopy(world.state)
        world.server.receive(forked, arrivals[0])
        assert same(foreseen, world.server.receive(forked, arrivals[1]))
        world.deliver(arrivals[0])
    check(world.state, name)


@pytest.mark.parametrize("name", SERVERS)
def test_the_server_itself_never_changes_and_refusals_change_no_parameter(name):
    world = World(f"aggregator={name}")
    before = copy.deepcopy(world.server)
    for _ in range(60):
        arrival, params = world.arrival(), world.params.clone()
        sent = arrival.vector.clone()
        decision = world.server.receive(world.state, arrival)
        assert torch.equal(arrival.vector, sent)
        assert torch.equal(world.params, params)
        assert decision.accepted or (decision.direction is None and decision.weight == 0.0)
        assert set(decision.scores) <= set(world.server.scores)
    assert repr(world.server) == repr(before)


FILTERS = [f"aggregator=asgd aggregator/filters=[{member.name}]" for member in members("aggregator/filters")]


@pytest.mark.parametrize("overrides", [f"aggregator={name}" for name in SERVERS] + FILTERS)
def test_a_server_looks_at_read_models_if_and_only_if_it_says_so(overrides):
    seeing = World(*overrides.split())
    blind = copy.deepcopy(seeing)
    if seeing.server.needs_read_params:
        with pytest.raises(ValueError, match="needs needs_read_params=True to see read models; got worker="):
            for _ in range(60):
                blind.deliver(replace(blind.arrival(), read_params=None))
        return
    for _ in range(60):
        arrival = seeing.arrival()
        assert same(seeing.deliver(arrival), blind.deliver(replace(arrival, read_params=None)))


def test_a_filter_that_does_not_say_so_looks_at_read_models():
    server = experiment("aggregator=asgd", "aggregator/filters=[frequency]").aggregator
    assert not server.needs_read_params
    assert replace(server, filters={**server.filters, "own": SimpleNamespace(judge=None, scores=())}).needs_read_params


SINGLE = ["aggregator=kardam aggregator/collector=every", "aggregator=kardam aggregator/collector=latest"]


@pytest.mark.parametrize("overrides", [f"aggregator={name}" for name in SERVERS] + SINGLE)
def test_a_direction_shares_no_memory_with_the_state(overrides):
    world = World(*overrides.split())
    for _ in range(60):
        decision = world.deliver(world.arrival())
        if decision.direction is not None:
            before = copy.deepcopy(world.state)
            decision.direction.fill_(math.nan)
            assert same(world.state, before)


# The sum of 15 vectors steps 15 times as far; a sign is as long at the optimum as anywhere else; Rennala takes the few
# vectors that are not stale, and steps seldom.
RATES = {"sum": 0.05 / 15, "sign_majority": 0.012, "sign_vote": 0.012, "rennala": 0.2}


@pytest.mark.parametrize("name", SERVERS)
def test_an_honest_quadratic_converges(name):
    """From ‖x‖ = √7 = 2.6 to the size of the noise (.13 in one vector), with stale vectors."""
    world = World(f"aggregator={name}", liars=3)
    world.lr = RATES.get(name, 0.05)
    for number in range(1500):
        world.deliver(world.arrival(worker=number % 15, honest=True))
    assert float(world.params.norm()) < 0.1


ASGD_IN_DISGUISE = [
    ("aggregator=basgd", "aggregator.collector.buckets=1", "aggregator/rule=mean"),
    ("aggregator=basgd", "aggregator.collector.buckets=1"),
    ("aggregator=fedbuff", "aggregator.collector.size=1", "aggregator/damping=none"),
    ("aggregator=fedbuff", "aggregator.collector.size=1", "aggregator.damping.exponent=0"),
    ("aggregator=kardam", "aggregator/filters=[]", "aggregator/damping=none", "aggregator/collector=every"),
    ("aggregator=rennala", "aggregator.filters.max_staleness.limit=null", "aggregator.collector.size=1"),
    ("aggregator=staleness_aware", "aggregator/damping=none"),
    ("aggregator=ada_delay", "aggregator.damping.rate=0"),
    ("aggregator=fedasync", "aggregator/damping=exponential", "aggregator.damping.alpha=0"),
    ("aggregator=fedasync", "aggregator/damping=hinge", "aggregator.damping.knee=1000"),
    ("aggregator=afl_guard", "aggregator.filters.afl_guard=null"),
    ("aggregator=ringmaster", "aggregator.filters.max_staleness.limit=null"),
    ("aggregator=dc_asgd", "aggregator.compensation=0"),
    ("aggregator=dynsgd", "aggregator/damping=none"),
    ("aggregator=fedasync", "aggregator.damping.exponent=0"),
    ("aggregator=delay_adaptive", "aggregator.damping.concurrency=1000"),
    ("aggregator=ringmaster_stop", "aggregator.limit=1000"),
]


@pytest.mark.parametrize("overrides", ASGD_IN_DISGUISE, ids=" ".join)
def test_reductions_to_asgd_are_bit_for_bit(overrides):
    plain, other = World("aggregator=asgd"), World(*overrides)
    for _ in range(100):
        arrival = plain.arrival()
        one, two = plain.deliver(arrival), other.deliver(arrival)
        assert torch.equal(one.direction, two.direction)
        assert two.accepted


# a weighted server after every worker has delivered equally often, and the plain rule of the same rows
EQUALLY_WEIGHTED = {
    "weighted_median": (("aggregator=weighted_median",), rules.median),
    "weighted_rfa": (("aggregator=weighted_rfa",), rules.rfa),
    "weighted_ctma": (("aggregator=weighted_ctma", "aggregator.rule.share=0.2"), partial(rules.aksel, f=3)),
    "the mean of the latest": (("aggregator=mifa",), rules.mean),
}


@pytest.mark.parametrize("case", EQUALLY_WEIGHTED)
def test_equal_weights_make_a_weighted_rule_its_plain_rule(case):
    overrides, plain = EQUALLY_WEIGHTED[case]
    world = World(*overrides)
    for turn in range(6):
        arrivals = [world.arrival(worker=worker) for worker in range(15)]
        decisions = [world.deliver(arrival) for arrival in arrivals]
        rows = torch.stack([arrival.vector for arrival in arrivals])
        torch.testing.assert_close(decisions[-1].direction, plain(rows), rtol=1e-12, atol=1e-12, msg=f"turn {turn}")


def accepted_in_order(workers):
    """Which of these deliveries the frequency filter lets through, f=3 of 15."""
    world = World("aggregator=asgd", "aggregator/filters=[frequency]")
    return [worker for worker in workers if world.deliver(world.arrival(worker=worker)).accepted]


def random_orders():
    for seed in range(4):
        rng = Streams(seed).generator("order")
        yield [int(rng.integers(3)) if rng.random() < 0.7 else int(rng.integers(15)) for _ in range(500)]


def adversarial_orders():
    """Three liars, 0 to 2, and what they could try against the window of the last six accepted."""
    honest = itertools.cycle(range(3, 15))
    yield [worker for _ in range(100) for worker in (0, 1, 2, next(honest))]  # flood between honest ones
    yield [worker for _ in range(60) for worker in (*[0] * 9, *[1] * 9, *[2] * 9, next(honest))]  # each floods in turn
    yield [worker for _ in range(60) for worker in (0, 1, 2, *[3] * 5, 4, 5, 6)]  # the same few honest ones
    # At the first moment that each is let in again: always try all three before each honest vector.
    yield [worker for turn in range(150) for worker in (0, 1, 2, 3 + turn % 4)]
    yield [worker for turn in range(150) for worker in (2, 1, 0, 3 + turn % 5, 0, 1, 2)]


@pytest.mark.parametrize("orders", [random_orders, adversarial_orders], ids=lambda kind: kind.__name__)
def test_the_frequency_filter_keeps_its_promise_in_any_order(orders):
    """Any 2f+1 = 7 consecutive accepted vectors come from 7 workers, so at least f+1 = 4 of them are honest."""
    for order in orders():
        accepted = accepted_in_order(order)
        assert len(accepted) >= 7
        windows = [accepted[i : i + 7] for i in range(len(accepted) - 6)]
        assert all(len(set(window)) == 7 for window in windows)
        assert all(sum(worker >= 3 for worker in window) >= 4 for window in windows)


def test_the_frequency_filter_is_the_weakest_with_that_promise():
    """It refuses a vector only where accepting it would put one worker twice among seven in a row."""
    for order in (*random_orders(), *adversarial_orders()):
        world, accepted = World("aggregator=asgd", "aggregator/filters=[frequency]"), []
        for worker in order:
            if world.deliver(world.arrival(worker=worker)).accepted:
                accepted.append(worker)
            else:
                assert worker in accepted[-6:]


def test_deltas_keep_the_trajectory_of_mifa():
    """fed_la_avg = mifa to 1e-12 over a whole run in float64, with a vector's memory in place of n vectors'."""
    small = ("num_byzantine=0", "dtype=float64", "engine=loop", "batch_size=8", "dataset=quadratic", "dataset.d=20")
    states = []
    for overrides in (("aggregator=mifa",), ("experiment=fed_la_avg",)):
        prepared = experiment(*overrides, *small).prepare()
        world = prepared.kernel.begin(prepared.initial.clone())
        played = list(itertools.islice(events(prepared.kernel, world, prepared.engine), 600))
        states.append((played, world))
    (plain, mifa), (sparing, deltas) = states
    for one, two in zip(plain, sparing, strict=True):
        torch.testing.assert_close(one.decision.direction, two.decision.direction, rtol=0, atol=1e-12)
    torch.testing.assert_close(mifa.models.live[0], deltas.models.live[0], rtol=0, atol=1e-12)
    assert not torch.equal(mifa.models.live[0], prepared.initial)
    assert len(mifa.scheme.aggregator.latest) == 15
    assert deltas.scheme.aggregator.latest == {}


def play(overrides, lines, num_workers, trusted=None):
    """(worker, read_at, value) in d=1 and lr=1, from x=0; the decisions."""
    server = experiment(*overrides, f"num_workers={num_workers}", "num_byzantine=1").aggregator
    params = torch.zeros(1, dtype=torch.float64)
    state = server.init(ServerContext(num_workers, params, trusted))
    models, decisions = [params.clone()], []
    for number, (worker, read_at, value) in enumerate(lines):
        arrival = Arrival(float(number), worker, read_at, len(models) - 1, vector(value), models[read_at])
        decisions.append(server.receive(state, arrival))
        if decisions[-1].direction is not None:
            params.sub_(decisions[-1].direction)
            models.append(params.clone())
    return decisions


def directions(decisions):
    return [None if decision.direction is None else decision.direction.item() for decision in decisions]


def test_basgd():
    # n=6, 3 buckets: workers 0,3 | 1,4 | 2,5. Means 2, 4, 100: median 4.
    lines = [(0, 0, 1), (3, 0, 3), (1, 0, 4), (2, 0, 100), (0, 1, 7)]
    assert directions(play(("aggregator=basgd",), lines, 6)) == [None, None, None, 4.0, None]


def test_basgd_deals_its_buckets_out_anew_when_one_stays_empty():
    # n=6, 2 buckets, even and odd workers. The odd ones are gone: no step.
    overrides = ("aggregator=basgd", "aggregator.collector.buckets=2", "aggregator/rule=mean")
    silent = [(0, 0, 1), (4, 0, 2), (0, 0, 3), (2, 0, 4), (4, 0, 5)]
    assert directions(play(overrides, silent * 3, 6)) == [None] * 15
    # After four vectors 0, 2, 4 are dealt out to buckets 0, 1, 0, and start from nothing: 4 and 0 make ½(5 + 7) = 6,
    # 2 makes 8, the mean is 7. Worker 1 comes back to its own bucket: 9 and 11.
    lines = [*silent, (0, 0, 7), (2, 0, 8), (0, 1, 9), (1, 1, 11), (4, 2, 1), (0, 2, 2), (3, 2, 30)]
    again = play((*overrides, "aggregator.collector.reassign_after=4"), lines, 6)
    assert directions(again) == [*[None] * 6, 7.0, None, 10.0, None, None, 15.75]


def test_a_liar_that_is_moved_spoils_one_bucket_only():
    # n=6, 3 buckets; 1 and 4 are gone. Worker 2 lies and moves from bucket 2 to bucket 1.
    lines = [(2, 0, 1e9), (0, 0, 1), (3, 0, 1), (2, 0, 1e9), (0, 0, 1), (2, 0, 1e9), (3, 0, 3)]
    overrides = ("aggregator=basgd", "aggregator.collector.reassign_after=4")
    assert directions(play(overrides, lines, 6)) == [*[None] * 6, 3.0]


def test_zeno_pp():
    # v = 2 throughout (refresh 10). 5 becomes 2: .1·4 − .002·4 + .01 > 0. −1 becomes −2: −.4 − .008 + .01 < 0.
    decisions = play(("aggregator=zeno_pp",), [(0, 0, 5), (1, 0, -1), (2, 0, 0), (3, 0, math.nan)], 4,
                     lambda params: vector(2))  # fmt: skip
    assert directions(decisions) == [2.0, None, None, None]
    assert [decision.reason for decision in decisions] == ["accepted", "zeno", "zeno", "zeno"]
    assert decisions[0].scores["zeno"] == pytest.approx(0.402)
    assert decisions[1].scores["zeno"] == pytest.approx(-0.398)


def test_trusted_gradients_are_refreshed_every_so_many_arrivals_accepted_or_not():
    asked = []

    def trusted(params):
        asked.append(params.item())
        return vector(2)

    play(("aggregator=afl_guard", "aggregator.filters.afl_guard.refresh=3"), [(w % 4, 0, math.nan) for w in range(7)],
         4, trusted)  # fmt: skip
    assert len(asked) == 3


def test_afl_guard():
    # v = 2, radius 1.5: accepts −1 … 5, not rescaled.
    decisions = play(("aggregator=afl_guard",), [(0, 0, 5), (1, 0, -1), (2, 0, -1.1), (3, 0, math.inf)], 4,
                     lambda params: vector(2))  # fmt: skip
    assert directions(decisions) == [5.0, -1.0, None, None]


@pytest.mark.parametrize("name", ["zeno_pp", "afl_guard"])
def test_no_trusted_data_is_said_in_one_line(name):
    server = experiment(f"aggregator={name}").aggregator
    with pytest.raises(ValueError, match="needs trusted data"):
        server.init(ServerContext(15, torch.zeros(3)))


def test_fedbuff_with_and_without_slots():
    lines = [(0, 0, 1), (0, 0, 5), (1, 0, 3), (2, 0, 9)]
    size = "aggregator.collector.size=2"
    assert directions(play(("aggregator=fedbuff", size), lines, 4)) == [None, 3.0, None, pytest.approx(12 / 2**1.5)]
    # The newer vector of worker 0 takes the place of its older one.
    slots = play(("aggregator=fedbuff", size, "aggregator.collector.slots=true"), lines, 4)
    assert directions(slots) == [None, None, 4.0, None]


def test_rennala_and_ringmaster():
    rennala = play(("aggregator=rennala", "aggregator.collector.size=2"), [(0, 0, 1), (1, 0, 3), (2, 0, 9)], 4)
    assert directions(rennala) == [None, 2.0, None]
    assert rennala[-1].reason == "max_staleness"
    ringmaster = play(("aggregator=ringmaster", "aggregator.filters.max_staleness.limit=1"),
                      [(0, 0, 1), (1, 0, 3), (2, 0, 9), (3, 1, 2)], 4)  # fmt: skip
    assert directions(ringmaster) == [1.0, 3.0, None, 2.0]


def test_ringmaster_stop_cancels_what_would_be_too_old():
    decisions = play(("aggregator=ringmaster_stop", "aggregator.limit=1"), [(0, 0, 1), (0, 1, 1), (1, 2, 1)], 4)
    # After two updates the jobs of workers 1, 2, 3 (read at 0) are two updates old.
    assert [decision.cancel for decision in decisions] == [(), (1, 2, 3), ()]


def test_dc_asgd():
    # x1 = −2, then g=3 from x0: 3 + .04·9·(−2 − 0) = 2.28.
    assert directions(play(("aggregator=dc_asgd",), [(0, 0, 2), (1, 0, 3)], 4)) == [2.0, pytest.approx(2.28)]


def test_mifa_and_its_deltas():
    lines = [(0, 0, 4), (1, 0, 8), (0, 1, 2)]
    expected = [1.0, 3.0, 2.5]
    assert directions(play(("aggregator=mifa",), lines, 4)) == expected
    deltas = [(0, 0, 4), (1, 0, 8), (0, 1, -2)]
    assert directions(play(("aggregator=mifa", "aggregator.deltas=true", "worker=delta"), deltas, 4)) == expected


def test_weighted_median():
    # Weights: worker 0 twice, 1 once. At total 3 the half is 1.5: worker 0's value. With 2 and 2: the midpoint.
    lines = [(0, 0, 1), (1, 0, 5), (0, 0, 2), (1, 0, 6)]
    server = ("aggregator=weighted_median", "aggregator.collector.quorum=1")
    assert directions(play(server, lines, 4)) == [1.0, 3.0, 2.0, 4.0]
    # By itself it waits for 2f+1 = 3 workers; all they have delivered by then counts: 2, 6 and 1 of weights 2, 2, 1.
    assert directions(play(server[:1], [*lines, (2, 0, 1)], 4)) == [None] * 4 + [2.0]


def test_throttle():
    # n=2, growth 1.5, radii 100 and 1: 4/2; then .5·… of the same worker: 1/1.5; then the other: 6/2 and a restart.
    lines = [(0, 0, 4), (0, 0, 5), (1, 0, 6), (1, 0, 7)]
    decisions = play(("aggregator=throttle", "num_byzantine=0"), lines, 2)
    assert directions(decisions) == [2.0, pytest.approx(1 / 1.5), 3.0, pytest.approx(3.5)]
    assert [decision.reply for decision in decisions] == [Reply.DISPATCH, Reply.DISPATCH, Reply.RESTART, Reply.DISPATCH]
    assert [decision.weight for decision in decisions] == [0.5, pytest.approx(1 / 1.5), 0.5, 0.5]
    assert play(("aggregator=throttle",), [(0, 0, math.nan)], 2)[0].reason == "throttle"


def test_throttle_clips_to_its_radius_what_is_too_long_to_square():
    params = vector(0, 0)
    server = experiment("aggregator=throttle", "num_byzantine=0").aggregator
    state = server.init(ServerContext(2, params))
    for sent, expected in ((vector(3e200, -4e200), (30.0, -40.0)), (vector(-4e200, 3e200), (-0.8 / 1.5, 0.6 / 1.5))):
        decision = server.receive(state, Arrival(0.0, 0, 0, 0, sent, params))
        assert decision.direction.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("name", ["zeno_pp", "afl_guard"])
def test_a_trusted_gradient_that_is_the_live_model_does_not_change_with_it(name):
    params = vector(1, 0)
    server = experiment(f"aggregator={name}").aggregator
    state = server.init(ServerContext(15, params, lambda model: model))
    sent = vector(2, 0)
    for step in range(3):
        assert server.receive(state, Arrival(float(step), step, step, step, sent, params.clone())).accepted
        params.mul_(-1)


def test_ringleader():
    # Worker 0 twice, then 1: table means 2 and 6; worker 1 makes the first update, worker 0 the second with 2, 4, 6 …
    decisions = play(("aggregator=ringleader",), [(0, 0, 1), (0, 0, 3), (1, 0, 6), (1, 1, 9), (0, 1, 8)], 2)
    assert directions(decisions) == [None, None, 4.0, None, 5.0]


def test_quorum_takes_distinct_workers():
    server = experiment("aggregator=quorum").aggregator
    assert (server.collector.size, server.collector.slots) == (7, True)


def test_a_buffer_too_small_for_its_rule_is_refused_with_the_numbers():
    overrides = ("aggregator=fedbuff", "aggregator/rule=krum", "aggregator.collector.size=5")
    with pytest.raises(ValueError, match=r"krum needs k >= 2f\+3; got k=5, f=3"):
        experiment(*overrides)
    with pytest.raises(ValueError, match="a collector that gives weights"):
        experiment("aggregator=kardam", "aggregator/rule=weighted_median")


def test_recorded_arrivals_are_never_written_to():
    world = World("aggregator=kardam")
    arrival = world.arrival()
    kept = replace(arrival, vector=arrival.vector.clone(), read_params=arrival.read_params.clone())
    world.deliver(arrival)
    for _ in range(40):
        world.deliver(world.arrival())
    assert torch.equal(arrival.vector, kept.vector)
    assert torch.equal(arrival.read_params, kept.read_params)
