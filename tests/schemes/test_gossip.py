"""The schemes among neighbours: literal twins, laws of the mean, reductions, resume, refusals."""

from __future__ import annotations

import functools
import itertools
from collections import Counter

import network_twins as twins
import numpy as np
import pytest
import torch
from scheme_world import begin, go_on, round_schedule, schedule
from scheme_world import ring as neighbours_on_a_ring
from thinning import one_in
from torch.utils._python_dispatch import TorchDispatchMode

import byzsgd
from byzsgd.compressors import none
from byzsgd.graphs import ring
from byzsgd.interfaces import BatchKey
from byzsgd.kernel.randomness import Streams
from byzsgd.records.checkpoints import NODES, load_params
from byzsgd.run.screen import Nobody
from byzsgd.schemes import d_psgd, mixing, rules
from byzsgd.schemes.exchanges import choco, difference, plain

LR = 0.1
SMALL = ("num_byzantine=0", "batch_size=4", "dtype=float64", "engine=loop", "model=logistic_regression",
         f"optimizer.lr={LR}")  # fmt: skip
W = mixing.metropolis(ring()(8))
SCHEMES = {
    "d_psgd": ["scheme=d_psgd"],
    "step first": ["scheme=d_psgd", "scheme.order=step_then_mix"],
    "d2": ["scheme=d2"],
    "ad_psgd": ["scheme=ad_psgd"],
    "matching": ["scheme=d_psgd", "scheme/graph=matching"],
    "moniqua": ["scheme=d_psgd", "scheme/exchange=moniqua", "scheme.exchange.theta=1.0"],
    "drawn": ["scheme=d2", "scheme/exchange=moniqua", "scheme.exchange.theta=1.0",
              "scheme.exchange.rounding=stochastic", "scheme.exchange.uniforms=own"],
    "pairs": ["scheme=ad_psgd", "scheme/exchange=moniqua", "scheme.exchange.theta=1.0"],
}  # fmt: skip
every_scheme = pytest.mark.parametrize("settings", SCHEMES.values(), ids=SCHEMES)


@functools.cache
def prepare(*settings, n=8):
    return byzsgd.experiment(f"num_workers={n}", *SMALL, *settings).prepare()


def models(world):
    return torch.stack([world.models.live[node] for node in sorted(world.models.live)])


def history_of(prepared, rounds, after_mixing=True):
    """(round -> (n, d)) the models of all nodes as they begin each round, whenever each of them does."""
    world = begin(prepared)
    n = len(world.models.live)
    found = [{} for _ in range(rounds + 1)]
    while any(len(each) < n for each in found):
        for node, number in world.scheme.round.items():
            if number <= rounds:
                begun = node not in world.scheme.gradients
                if begun and node not in found[number]:
                    found[number][node] = world.models.live[node].clone().numpy()
        go_on(prepared, world, 1)
    return [np.stack([each[node] for node in range(n)]) for each in found]


def agree(ours, theirs):
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9, err_msg=f"round {number}")


@pytest.mark.parametrize("law", ["constant", "exponential", "pareto"])
@pytest.mark.parametrize("order", ["mix_then_step", "step_then_mix"])
def test_thirty_rounds_of_d_psgd_are_its_definition_under_any_delay(law, order):
    prepared = prepare("scheme=d_psgd", f"scheme.order={order}", f"delay={law}")
    agree(history_of(prepared, 30), twins.d_psgd(prepared, W, LR, 30, order))


def test_thirty_rounds_of_d2_are_its_definition():
    prepared = prepare("scheme=d2", "delay=exponential", "partition=shards")
    agree(history_of(prepared, 30), twins.d2(prepared, (W + np.eye(8)) / 2, LR, 30))


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
@pytest.mark.parametrize("bits", [2, 8])
def test_thirty_rounds_of_moniqua_are_its_definition(rounding, bits):
    prepared = prepare("scheme=d_psgd", "scheme/exchange=moniqua", "scheme.exchange.theta=.7",
                       f"scheme.exchange.bits={bits}", f"scheme.exchange.rounding={rounding}")  # fmt: skip
    exchange = prepared.kernel.scheme.exchange

    def draws(number):
        return Streams(0).generator("compression", 0, number).random(prepared.problem.num_parameters)

    agree(history_of(prepared, 30), twins.moniqua(prepared, W, LR, 30, exchange, draws))


class Operations(TorchDispatchMode):
    """Counts what torch computes."""

    number = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.number += 1
        return func(*args, **(kwargs or {}))


COMPRESSORS = {
    "scaled_sign": [],
    "top_k": ["scheme.exchange.compressor.k=6", "scheme.exchange.compressor.share=null"],
    "random_k": ["scheme.exchange.compressor.k=6", "scheme.exchange.compressor.share=null"],
    "qsgd": ["scheme.exchange.compressor.levels=64"],
}


def with_compressor(exchange, name, *settings):
    chosen = (f"scheme/exchange={exchange}", f"compressor@scheme.exchange.compressor={name}")
    return prepare("scheme=d_psgd", *chosen, *COMPRESSORS.get(name, ()), *settings)


@pytest.mark.parametrize("name", one_in(2, COMPRESSORS))
@pytest.mark.parametrize("exchange", ["choco", "deep_squeeze", "difference"])
def test_thirty_rounds_with_a_compressor_are_their_definition(exchange, name):
    slack = () if exchange == "difference" else ("scheme.exchange.gamma=.15",)
    # Where a pixel is never lit, the change of a model is 0 but for rounding, which would decide its sign.
    lit = ("dataset=least_squares", "model=default") if exchange == "difference" else ()
    prepared = with_compressor(exchange, name, "delay=exponential", *slack, *lit)
    compressor, literal = twins.COMPRESSED[name]

    def compress(rows, number):
        if not compressor.random:
            return literal(rows, None)
        streams = [Streams(0).generator("compression", node, number) for node in range(8)]
        return literal(rows, np.stack([each.random(rows.shape[1]) for each in streams]))

    theirs = getattr(twins, exchange)(prepared, W, LR, 30, compress, *(() if exchange == "difference" else (0.15,)))
    agree(history_of(prepared, 30), theirs)


@pytest.mark.parametrize("name", COMPRESSORS)
@pytest.mark.parametrize("exchange", ["choco", "deep_squeeze", "difference"])
def test_a_compressor_serves_single_precision(exchange, name):
    made = byzsgd.experiment("num_workers=8", *SMALL, "dtype=float32", "scheme=d_psgd", f"scheme/exchange={exchange}",
                             f"compressor@scheme.exchange.compressor={name}", *COMPRESSORS[name],
                             "budget.arrivals=24", "eval_every=24")  # fmt: skip
    run = made.run()
    assert run.info["status"] == "finished"
    assert run.arrivals["bits"].sum() == run.metrics["bits_up"][-1] > 0


def test_changes_that_a_compressor_blows_up_are_a_result():
    run = byzsgd.experiment("num_workers=8", *SMALL, "scheme=d_psgd", "scheme/exchange=difference", "optimizer.lr=1e30",
                            "dtype=float32",
                            "compressor@scheme.exchange.compressor=qsgd", "budget.arrivals=80").run()  # fmt: skip
    assert run.info["status"] == "diverged"


@pytest.mark.parametrize("exchange", ["choco", "deep_squeeze"])
def test_a_lossless_compressor_makes_choco_and_deep_squeeze_d_psgd(exchange):
    expected = history_of(prepare("scheme=d_psgd", "scheme.order=step_then_mix"), 10)
    agree(history_of(with_compressor(exchange, "none"), 10), expected)


@pytest.mark.parametrize("name", ["d_psgd", "step first", "d2", "moniqua", "matching"])
def test_a_round_moves_the_mean_by_its_mean_gradient(name):
    prepared = prepare(*SCHEMES[name], "delay=exponential", "partition=shards")
    found = history_of(prepared, 12)
    for number, (before, after) in enumerate(itertools.pairwise(found)):
        if name == "d2":  # Σ of the corrections telescopes
            moved = LR * sum(twins.gradients(prepared, found[k], k).mean(0) for k in range(number + 1))
            np.testing.assert_allclose(after.mean(0), found[0].mean(0) - moved, rtol=0, atol=1e-12)
        else:
            expected = before.mean(0) - LR * twins.gradients(prepared, before, number).mean(0)
            np.testing.assert_allclose(after.mean(0), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ["ad_psgd", "pairs"])
def test_a_meeting_moves_the_mean_by_one_gradient(name):
    prepared = prepare(*SCHEMES[name], "delay=exponential")
    world = begin(prepared)
    for _ in range(60):
        before = models(world).mean(0)
        (event,) = go_on(prepared, world, 1)
        torch.testing.assert_close(models(world).mean(0), before - LR * event.arrival.vector / 8, rtol=0, atol=1e-13)


def test_meetings_without_gradients_contract_as_their_mean_matrix_says():
    """E‖X − x̄‖² after one meeting from the slowest eigenvector of E[W_k]: λ₂ = 1 − (1 − cos(2π/8))/8 = .963388."""
    angle = 2 * np.pi * np.arange(8) / 8
    start = torch.from_numpy(np.cos(angle))[:, None]
    left = []
    for node, partner in [(i, (i + s) % 8) for i in range(8) for s in (1, -1)]:
        after = start.clone()
        after[node], after[partner] = plain().pair({}, start[node], start[partner], None)
        left.append(float((after - after.mean(0)).square().sum()))
    share = np.mean(left) / float(start.square().sum())
    assert share == pytest.approx(1 - (1 - np.cos(2 * np.pi / 8)) / 8, abs=1e-12)
    assert share == pytest.approx(0.963388, abs=1e-6)


@pytest.mark.parametrize("scheme", ["d_psgd", "d2", "ad_psgd"])
def test_one_node_is_plain_sgd(scheme):
    prepared = prepare(f"scheme={scheme}", "delay=exponential", n=1)
    world = begin(prepared)
    go_on(prepared, world, 20)
    params = prepared.initial.clone()
    for serial in range(20):
        params.sub_(prepared.problem.gradient(params, prepared.batches.batch(BatchKey(0, serial))), alpha=LR)
    torch.testing.assert_close(world.models.live[0], params, rtol=0, atol=1e-14)


@pytest.mark.parametrize("order", ["mix_then_step", "step_then_mix"])
def test_a_complete_graph_is_synchronous_sgd(order):
    prepared = prepare("scheme=d_psgd", "scheme/graph=complete", f"scheme.order={order}", n=5)
    found, params = history_of(prepared, 12), prepared.initial.clone().numpy()
    for number in range(12):
        params = params - LR * twins.gradients(prepared, np.tile(params, (5, 1)), number).mean(0)
        if order == "step_then_mix":
            np.testing.assert_allclose(found[number + 1], np.tile(params, (5, 1)), rtol=0, atol=1e-12)
    expected = found[0].mean(0) - sum(LR * twins.gradients(prepared, found[k], k).mean(0) for k in range(12))
    np.testing.assert_allclose(found[12].mean(0), expected, rtol=0, atol=1e-12)


def test_d2_reaches_the_optimum_where_d_psgd_keeps_a_bias():
    """Node i has f_i(x) = ½‖x − c_i‖²: its gradient needs no data."""
    rng = np.random.default_rng(0)
    centres, weights = rng.normal(size=(8, 5)), (W + np.eye(8)) / 2
    distance = {}
    for name in ("d_psgd", "d2"):
        x = np.zeros((8, 5))
        before, kept = None, x
        for _ in range(800):
            step = 0.1 * (x - centres)
            if name == "d_psgd":
                x = weights @ x - step
            else:
                shown = x - step if before is None else 2 * x - kept - step + before
                x, kept, before = weights @ shown, x, step
        distance[name] = np.abs(x - centres.mean(0)).max()
    assert distance["d2"] < 1e-12 < 1e-2 < distance["d_psgd"]


@every_scheme
def test_engines_agree(settings):
    runs = []
    for engine in ("loop", "auto"):
        prepared = prepare(*settings, "delay=exponential", f"engine={engine}")
        world = begin(prepared)
        played = go_on(prepared, world, 60)
        runs.append(([(e.arrival.time, e.arrival.worker, e.updated) for e in played], models(world)))
    assert runs[0][0] == runs[1][0]
    torch.testing.assert_close(runs[0][1], runs[1][1], rtol=0, atol=1e-11)


@pytest.mark.parametrize("settings", one_in(3, SCHEMES.values()), ids=SCHEMES)
def test_a_run_that_is_cut_off_goes_on_to_the_same_bits(settings, tmp_path):
    made = byzsgd.experiment("num_workers=8", *SMALL, *settings, "delay=exponential", "budget.arrivals=60",
                             "eval_every=20", "checkpoint_every=7")  # fmt: skip
    whole = made.run(tmp_path / "whole")
    for cut in (3, 41):
        place = tmp_path / f"cut{cut}"
        running = made.start(place, Nobody())
        calls = itertools.count(1)
        with pytest.raises(KeyboardInterrupt):
            running.complete(lambda calls=calls, cut=cut: next(calls) >= cut)
        again = made.run(place)
        assert again.arrivals.equals(whole.arrivals)
        assert again.metrics.equals(whole.metrics)
        for name in ("params.safetensors", NODES):
            assert (place / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@every_scheme
def test_metrics_are_of_the_mean_of_all_nodes(settings, tmp_path):
    made = byzsgd.experiment("num_workers=8", *SMALL, *settings, "budget.arrivals=40", "eval_every=20")
    run = made.run(tmp_path / "r")
    nodes, mean = load_params(tmp_path / "r", NODES), load_params(tmp_path / "r")
    torch.testing.assert_close(nodes.mean(0), mean)
    last = run.metrics.row(-1, named=True)
    assert last["consensus"] == pytest.approx(float((nodes - mean).square().sum()) / 8)
    own = [made.prepare().problem.accuracy(node) for node in nodes]
    assert [last["worst_accuracy"], last["best_accuracy"]] == [min(own), max(own)]
    assert last["node_accuracy"] == pytest.approx(sum(own) / 8)
    assert last["bits_up"] == run.arrivals["bits"].sum()
    assert last["bits_down"] == 0


def test_bits_count_every_edge_and_both_ways_of_a_meeting():
    d = prepare("scheme=d_psgd").problem.num_parameters
    for settings, bits in [
        (SCHEMES["d_psgd"], 2 * 32 * d),
        (SCHEMES["matching"], 32 * d),
        (SCHEMES["moniqua"], 2 * 8 * d),
        (SCHEMES["ad_psgd"], 2 * 32 * d),
        (["scheme=d_psgd", "scheme/graph=exponential"], 5 * 32 * d),
    ]:
        prepared = prepare(*settings)
        assert {event.message.bits for event in go_on(prepared, begin(prepared), 16)} == {bits}


def test_a_node_waits_for_its_neighbours_alone():
    prepared = prepare("scheme=d_psgd", "delay=pareto")
    world = begin(prepared)
    go_on(prepared, world, 300)
    rounds = world.scheme.round
    assert all(abs(rounds[node] - rounds[(node + 1) % 8]) <= 1 for node in range(8))
    assert max(rounds.values()) - min(rounds.values()) > 1
    assert len(world.scheme.outgoing) <= 16


@pytest.mark.parametrize("law", ["exponential", "pareto"])
@pytest.mark.parametrize("name", ["d_psgd", "step first", "d2"])
def test_a_round_begins_as_soon_as_the_neighbours_of_the_last_are_ready(name, law):
    """Also the rounds of those who wait for one who waited itself."""
    prepared = prepare(*SCHEMES[name], f"delay={law}")
    expected = round_schedule(prepared, neighbours_on_a_ring(8), 40, "mix" if name == "d_psgd" else "step")
    assert schedule(go_on(prepared, begin(prepared), 120)) == expected[:120]


@pytest.mark.parametrize("scheme", ["d_psgd", "ad_psgd"])
def test_a_thousand_nodes_keep_their_models_and_what_is_in_flight(scheme):
    """n·d of live models; at most as much again that jobs in flight have read; in rounds, two models that each node
    shows."""
    prepared = prepare(f"scheme={scheme}", "scheme/graph=exponential", "dataset=least_squares", "model=default",
                       "delay=exponential", n=1000)  # fmt: skip
    world = begin(prepared)
    for _ in range(3):
        go_on(prepared, world, 500)
        read = {key for flying in world.pending.values() for key in flying.keys}
        assert set(world.models.earlier) <= read
        assert len(world.models.live) == len(world.pending) + len(getattr(world.scheme, "gradients", ())) == 1000
        assert len(read) <= 1000
        assert len(world.results) + len(world.guesses) <= 1000
        shown = getattr(world.scheme, "outgoing", {})
        assert max(Counter(node for node, _ in shown).values(), default=0) <= 2


LINK = ("delay=constant", "delay/communication=link", "delay.communication.latency=.25",
        "delay.communication.per_message=.125", "delay.communication.bandwidth=10400")  # fmt: skip


@pytest.mark.parametrize("scheme", ["d_psgd", "d2", "ad_psgd"])
@pytest.mark.parametrize(
    ("exchange", "bits"),
    [
        ([], 32 * 650),
        (["scheme/exchange=moniqua", "scheme.exchange.theta=1", "scheme.exchange.bits=4"], 4 * 650),
        (["scheme/exchange=moniqua", "scheme.exchange.theta=1", "scheme.exchange.bits=8"], 8 * 650),
    ],
)
def test_a_round_takes_its_computation_and_one_exchange(scheme, exchange, bits):
    """1 + latency + per_message + bits/bandwidth seconds each, on a ring of equal nodes."""
    prepared = prepare(f"scheme={scheme}", *exchange, *LINK)
    times = [event.arrival.time for event in go_on(prepared, begin(prepared), 80)]
    rounds = np.repeat(np.arange(1, 11), 8)
    np.testing.assert_allclose(times, rounds * (1 + 0.25 + 0.125 + bits / 10400), rtol=1e-12)


@pytest.mark.parametrize("settings", [["scheme/exchange=choco", "scheme.exchange.gamma=.3"],
                                      ["scheme/exchange=difference"]])  # fmt: skip
def test_what_a_compressor_saves_is_saved_on_the_link(settings):
    prepared = prepare("scheme=d_psgd", *settings, *LINK)
    *_, last = go_on(prepared, begin(prepared), 8)
    assert last.arrival.time == pytest.approx(1.375 + (650 + 32) / 10400)


@pytest.mark.parametrize("scheme", ["d_psgd", "ad_psgd"])
def test_a_link_that_takes_no_time_changes_nothing(scheme):
    runs = []
    for link in ([], ["delay/communication=link"]):
        prepared = prepare(f"scheme={scheme}", "delay=exponential", *link)
        world = begin(prepared)
        runs.append(([event.arrival.time for event in go_on(prepared, world, 40)], models(world)))
    assert runs[0][0] == runs[1][0]
    assert torch.equal(runs[0][1], runs[1][1])


@pytest.mark.parametrize("scheme", ["d_psgd", "ad_psgd"])
def test_an_exchange_on_a_ring_costs_the_same_whatever_the_number_of_nodes(scheme):
    """Operations of torch, counted over the same number of deliveries."""
    found = {}
    for n in (16, 128):
        prepared = prepare(f"scheme={scheme}", "delay=constant", n=n)
        world = begin(prepared)
        go_on(prepared, world, 2 * n)
        with Operations() as counted:
            go_on(prepared, world, 256)
        found[n] = counted.number
    assert 0 < found[128] <= found[16]


@pytest.mark.parametrize("scheme", ["d_psgd", "ad_psgd"])
def test_a_violated_theta_is_recorded_and_said(scheme):
    settings = (f"scheme={scheme}", "scheme/exchange=moniqua", "scheme.exchange.theta=.003", "budget.arrivals=80")
    said = []

    class Heard(Nobody):
        def say(self, line):
            said.append(line)

    run = byzsgd.experiment("num_workers=8", *SMALL, *settings).run(screen=Heard())
    assert run.arrivals["theta_violations"].max() > 0
    assert run.arrivals["largest_gap"].max() >= 0.003
    assert len(said) == 1
    assert said[0].startswith("theta=0.003 was violated in ")


def test_theta_comes_from_a_pilot_with_whole_models():
    small = ("num_workers=8", *SMALL, "scheme=d_psgd", "budget.arrivals=60")
    run = byzsgd.experiment(*small, "scheme/exchange=moniqua").run()
    whole = byzsgd.experiment(*small).run()
    gap = whole.arrivals["largest_gap"].max()
    assert run.info["pilot"]["largest_gap"] == gap
    assert run.info["theta"] == 1.5 * gap
    assert run.arrivals["theta_violations"].max() == 0


def test_theta_by_theory():
    """Ring of 8, η = .1, G∞ = 1: 4.97 and 7 bits; exponential 8: 1.456, 5 bits."""
    theory = ("scheme/exchange=moniqua", "scheme.exchange.theta=theory", "scheme.exchange.gradient_bound=1.0")
    for graph, theta, bits in [("ring", 4.97, 7), ("exponential", 1.456, 5)]:
        settings = ("scheme=d_psgd", f"scheme/graph={graph}", *theory)
        found = prepare(*settings, f"scheme.exchange.bits={bits}")
        assert found.kernel.scheme.exchange.theta == pytest.approx(theta, abs=5e-3)
        with pytest.raises(ValueError, match=f"bits >= {bits} for theta=theory"):
            prepare(*settings, f"scheme.exchange.bits={bits - 1}")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["scheme=d2", "scheme.lazy=1.0"], "scheme d2 needs least eigenvalue of W > -1/3 (scheme.lazy=.9 or less)"),
        (["scheme=d2", "scheme/graph=matching"], "scheme d2 needs a graph that stays; got graph=matching"),
        (["scheme=ad_psgd", "scheme/graph=matching"], "a graph that stays, since it has no rounds"),
        (["scheme=d_psgd", "scheme/graph=star", "scheme/mixing=uniform"], "uniform mixing needs a graph of equal"),
        (["scheme=d_psgd", "scheme/graph=torus"], "a number of nodes that rows divides"),
        (["scheme=d_psgd", "scheme.lazy=0"], "0 < lazy <= 1; got lazy=0"),
        (["scheme=d_psgd", "scheme.order=sideways"], "scheme.order needs one of mix_then_step, step_then_mix"),
        (["scheme=ad_psgd", "scheme/exchange=moniqua", "scheme.exchange.bits=1",
          "scheme.exchange.rounding=stochastic"], "delta < 1/2"),
        (["scheme=d_psgd", "scheme/exchange=choco", "compressor@scheme.exchange.compressor=sign"],
         "the exchange choco needs a compressor that keeps the size of what is sent"),
        (["scheme=d_psgd", "scheme/exchange=deep_squeeze", "scheme.exchange.compressor.per=layer"],
         "the exchange deep_squeeze needs per=vector"),
        (["scheme=d2", "scheme/exchange=deep_squeeze"], "exchange plain or moniqua; got exchange=deep_squeeze"),
        (["scheme=d_psgd", "scheme/exchange=choco", "attack=sign_flip", "num_byzantine=1"],
         "attack sign_flip needs exchange plain or moniqua"),
        (["scheme=d_psgd", "scheme/exchange=choco", "compressor@scheme.exchange.compressor=qsgd",
          "scheme.exchange.compressor.coding=sparse", "delay/communication=link",
          "delay.communication.bandwidth=1e6"], "exchange choco needs messages of a known length"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_in_one_line(settings, said):
    with pytest.raises(ValueError, match="needs") as refused:
        byzsgd.experiment("num_workers=8", "num_byzantine=0", *settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_optimizer_with_an_iterate_of_its_own_is_refused():
    made = byzsgd.experiment("num_workers=8", "num_byzantine=0", "scheme=d_psgd", "optimizer=anytime")
    with pytest.raises(ValueError, match="an optimizer that steps from the model it is given"):
        made.prepare()


def test_a_graph_in_pieces_is_refused(tmp_path):
    (tmp_path / "pieces").write_text("0 1\n2 3\n")
    with pytest.raises(ValueError, match="the graph needs to be connected; got nodes=4, edges=2"):
        byzsgd.experiment("num_workers=4", "num_byzantine=0", "scheme=d_psgd", "scheme/graph=file",
                          f"scheme.graph.path={tmp_path / 'pieces'}")  # fmt: skip


def test_the_file_of_a_graph_is_in_the_record(tmp_path):
    (tmp_path / "edges").write_text("0 1\n1 2\n2 3\n")
    made = byzsgd.experiment("num_workers=4", "num_byzantine=0", "scheme=d_psgd", "scheme/graph=file",
                             f"scheme.graph.path={tmp_path / 'edges'}")  # fmt: skip
    assert "scheme.graph/edges" in made.prepare().facts["files"]


def test_an_order_that_an_exchange_does_not_have_is_refused():
    given = {"graph": ring(), "mixing": mixing.metropolis, "rule": rules.mean, "lazy": 1.0}
    with pytest.raises(ValueError, match="order=step_then_mix for exchange=choco; got order=mix_then_step"):
        d_psgd(**given, exchange=choco(none()), order="mix_then_step")
    with pytest.raises(ValueError, match="order=mix_then_step for exchange=difference; got order=step_then_mix"):
        d_psgd(**given, exchange=difference(none()), order="step_then_mix")
    assert d_psgd(**given, exchange=choco(none()), order=None).step_first


def test_a_crashed_neighbour_stalls_rounds_and_not_meetings():
    away = ("delay/availability=crash", "delay.availability.workers=[0]", "delay.availability.at=5.0")
    found = {}
    for scheme in ("d_psgd", "ad_psgd"):
        run = byzsgd.experiment("num_workers=8", *SMALL, f"scheme={scheme}", *away, "budget.arrivals=600").run()
        found[scheme] = run.info["status"]
    assert found == {"d_psgd": "stalled", "ad_psgd": "finished"}
