"""Compiled stretches make the same turns as the kernel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

pytest.importorskip("numba")

from stretched import Played, assert_equal  # noqa: E402

from byzsgd.kernel.compiled import gradient as compiled  # noqa: E402
from byzsgd.kernel.compiled import layout as at  # noqa: E402
from byzsgd.records.tree import walk  # noqa: E402

KARDAM = "aggregator=kardam"
BY_SERVER = [
    f"aggregator.filters.lipschitz.{each}" for each in ("candidate=server", "memory=max", "warmup=all", "hatch=true")
]
CASES = [
    ("aggregator=asgd",),
    (KARDAM,),
    (KARDAM, "attack=reversed", "delay=pareto"),
    (KARDAM, "attack=not_a_number", "delay=constant"),
    (KARDAM, "attack=sign_flip", *BY_SERVER),
    (KARDAM, "attack=infinity", "worker=momentum", "knowledge=own", "aggregator/damping=hinge"),
    ("aggregator/filters=[frequency,lipschitz]", "attack=mimic", "delay=two_speed", "aggregator/damping=polynomial"),
    ("aggregator/filters=[max_staleness,lipschitz]", "aggregator.filters.max_staleness.limit=3", "attack=constant"),
    ("aggregator=asgd", "attack=lie", "worker=momentum", "knowledge=in_flight", "delay=normal"),
    ("aggregator=basgd", "attack=zero", "aggregator/damping=inverse", "delay=gamma"),
    ("aggregator=asgd", "aggregator/collector=buckets", "aggregator/damping=exponential", "worker.sampling=shuffle"),
    ("aggregator=mifa", "delay=uniform"),
    ("aggregator=asgd", "aggregator/collector=latest", "aggregator/damping=ada_delay"),
    ("aggregator=fedbuff", "optimizer.momentum=.9", "optimizer.nesterov=true", "optimizer.weight_decay=.01"),
    ("aggregator=asgd", "optimizer.momentum=.9", "optimizer/schedule=cosine", "optimizer.schedule.total=300"),
    ("aggregator=asgd", "aggregator/collector=buffer", "aggregator.collector.slots=true", "aggregator/rule=sum",
     "aggregator/damping=delay_adaptive", "optimizer.lr=.01"),
    # a rule outside, in rounds and otherwise
    ("aggregator=asgd", "aggregator/collector=buffer", "aggregator/rule=krum", "f=1", "num_byzantine=1"),
    ("aggregator=trimmed_mean", "attack=ipm", "delay=constant", "knowledge=in_flight"),
    ("aggregator=krum", "attack=lie", "num_workers=13", "aggregator/preaggregator=[nnm]"),
    ("aggregator=weighted_median", "attack=replay"),
    (KARDAM, "aggregator/rule=median", *BY_SERVER),
    # a server outside: what it looks at, HOLD, RESTART and cancelled jobs
    ("aggregator=dc_asgd", "delay/heterogeneity=linear"),
    ("aggregator=zeno_pp", "attack=ipm"),
    ("aggregator=ringmaster_stop", "aggregator.limit=3"),
    ("aggregator=throttle", "attack=min_max"),
    ("aggregator=ringleader",),
    ("aggregator=quorum",),
    ("dataset=least_squares", "aggregator=asgd", "optimizer.lr=.001"),
    ("aggregator=asgd", "aggregator/collector=latest", "aggregator.collector.quorum=1", "delay=two_speed"),
    ("aggregator=asgd", "aggregator/collector=latest", "aggregator.collector.quorum=1",
     "aggregator.collector.missing=zero", "delay=two_speed"),
]  # fmt: skip


@pytest.mark.parametrize("overrides", CASES, ids=" ".join)
def test_both_paths_write_the_same_columns(overrides):
    one, other = Played(*overrides), Played(*overrides)
    one.stretch(260)
    other.general(260)
    assert_equal(one.columns(), other.columns(), 1e-7)
    np.testing.assert_allclose(one.params, other.params, rtol=1e-7, atol=1e-9)
    assert (one.world.channel.bits, one.world.channel.reads) == (other.world.channel.bits, other.world.channel.reads)


@pytest.mark.parametrize("overrides", CASES[1:26:4], ids=" ".join)
def test_the_other_path_may_go_on_at_any_moment(overrides):
    one, other = Played(*overrides), Played(*overrides)
    one.stretch(70, leave=True)
    one.general(60)
    one.stretch(65, leave=True)
    one.general(5)
    other.general(200)
    assert_equal(one.columns(), other.columns(), 1e-7)


@pytest.mark.parametrize("overrides", [("aggregator=asgd", "attack=lie"), (KARDAM, "attack=reversed")], ids=" ".join)
def test_single_precision(overrides):
    settings = ("dtype=float32", "model.activation=relu", *overrides)
    one, other = Played(*settings), Played(*settings)
    one.stretch(300)
    other.general(300)
    decided = [name for name in one.columns().columns if name not in ("norm", *one.scores)]
    assert_equal(one.columns().select(decided), other.columns().select(decided), 1e-12)


CUTS = [(KARDAM, "attack=lie"), ("aggregator=asgd", "worker=momentum"), ("aggregator=trimmed_mean", "attack=ipm"),
        ("aggregator=basgd",), ("aggregator=ringmaster_stop", "aggregator.limit=3")]  # fmt: skip


# How many deliveries the kernel plays before, in two goes; how long the stretches are, and who then owns the world.
PIECES = {
    "before": st.tuples(st.integers(0, 40), st.integers(0, 40)),
    "cuts": st.lists(st.tuples(st.integers(1, 60), st.sampled_from([None, False, True])), min_size=1, max_size=5),
}


@pytest.mark.parametrize("overrides", CUTS, ids=" ".join)
@settings(max_examples=4, deadline=None)
@given(**PIECES)
def test_wherever_a_stretch_is_cut_the_bits_are_the_same(overrides, before, cuts):
    cut_anywhere(overrides, before, cuts)


@pytest.mark.slow
@pytest.mark.parametrize("overrides", CASES, ids=" ".join)
@settings(max_examples=30, deadline=None)
@given(**PIECES)
def test_wherever_any_stretch_is_cut_the_bits_are_the_same(overrides, before, cuts):
    cut_anywhere(overrides, before, cuts)


def cut_anywhere(overrides, before, cuts):
    whole, cut = Played(*overrides), Played(*overrides)
    for most in before:
        cut.general(most)
    whole.general(sum(before))
    for most, leave in cuts:
        cut.stretch(most, leave)
    whole.stretch(sum(most for most, _ in cuts))
    assert cut.columns().equals(whole.columns())
    assert (cut.params == whole.params).all()


def said(world):
    """All that a world says, in an order of its own: how it came about is no part of it."""
    world.models.live[0], world.clock.pace = world.models.live[0].clone(), 1.0
    parts = (world.models.live, world.models.version, world.models.optimizer, world.workers, world.adversary.delivered)
    told = [(where, value) for part in (*parts, world.scheme) for where, value in walk(part, where=type(part).__name__)]
    told += [("clock", world.clock.snapshot()), ("results", sorted(world.results)), ("pending", str(world.pending))]
    told += walk(dict(sorted(world.results.items())))
    return [(w, v.tolist() if isinstance(v, torch.Tensor) else v) for w, v in told if not hasattr(v, "__dict__")]


@pytest.mark.parametrize(
    "overrides", [*CUTS, *(pytest.param(each, marks=pytest.mark.slow) for each in CASES)], ids=" ".join
)
def test_what_is_given_back_can_be_taken_again(overrides):
    one = Played(*overrides)
    one.stretch(150, leave=True)
    first = str(said(one.world))
    one.stretches._take_over()
    one.stretches.give_back()
    assert str(said(one.world)) == first


@pytest.mark.parametrize(
    ("activation", "loss"), list(itertools.product((*at.ACTIVATIONS, None), ("classes", "squares")))
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
def test_gradients_are_those_of_autograd(activation, loss, dtype):
    torch.manual_seed(3)
    function = {"relu": nn.ReLU, "tanh": nn.Tanh, "elu": nn.ELU, "sigmoid": nn.Sigmoid}.get(activation)
    between = [] if function is None else [function()]
    module = nn.Sequential(nn.Linear(51, 7), *between, nn.Linear(7, 5, bias=False), *between, nn.Linear(5, 3)).to(dtype)
    inputs, labels, wanted = torch.randn(30, 51, dtype=dtype), torch.randint(3, (30,)), torch.randn(30, 3, dtype=dtype)
    at_hand = torch.randint(30, (11,))
    out = module(inputs[at_hand])
    classes = nn.functional.cross_entropy(out, labels[at_hand])
    value = classes if loss == "classes" else 0.5 * (out - wanted[at_hand]).square().sum(1).mean()
    expected = torch.cat([g.flatten() for g in torch.autograd.grad(value, list(module.parameters()))]).numpy()
    params = torch.cat([p.detach().flatten() for p in module.parameters()]).numpy()
    found, code = np.empty((1, params.size), params.dtype), at.ACTIVATIONS.get(activation, at.LINEAR)
    layers = np.array([(51, 7, 1, code), (7, 5, 0, code), (5, 3, 1, at.LINEAR)])
    examples, own = at_hand.numpy()[None], np.arange(11)
    seen, deltas = np.empty((3, 11, 7), params.dtype), np.empty((2, 11, 7), params.dtype)
    data = (inputs.numpy(), labels.numpy(), wanted.numpy())
    compiled.gradients(params, found, layers, examples, *data, loss == "squares", seen, deltas, own)
    scale = np.abs(expected).max()
    assert np.abs(found[0] - expected).max() <= (1e-12 if dtype is torch.float64 else 1e-5) * scale
