"""What passes between neighbours: Moniqua by hand and by its bound, and the literal twins of the others."""

from __future__ import annotations

import network_twins as twins
import numpy as np
import pytest
import torch

from byzsgd.compressors import dp_sign, dynamic, none, qsgd, sign, stochastic_sign, top_k
from byzsgd.graphs import ring
from byzsgd.schemes.exchanges import choco, deep_squeeze, difference, moniqua, plain
from byzsgd.schemes.mixing import metropolis

ROUNDINGS = [(1, "nearest"), *((bits, rounding) for bits in (2, 4, 8) for rounding in ("nearest", "stochastic"))]
W = torch.from_numpy(metropolis(ring()(8)))
D = 20
every_compressor = pytest.mark.parametrize("name", twins.COMPRESSED)


def models(seed=0, spread=1.0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(8, D)) * spread)


def uniforms(shape, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).random(shape))


def test_moniqua_by_hand():
    """θ = .7, receiver .9, sender 1.4; 2 bits nearest (B = 28/15), then stochastic (B = 2.8)."""
    x, y = torch.tensor([1.4], dtype=torch.float64), torch.tensor([0.9], dtype=torch.float64)
    near = moniqua(bits=2, theta=0.7)
    assert near.modulus == pytest.approx(28 / 15)
    assert near.codes(x, None).tolist() == [1]
    assert near.estimate(near.codes(x, None), y).item() == pytest.approx(1.6333333333)
    drawn = moniqua(bits=2, theta=0.7, rounding="stochastic")
    assert drawn.modulus == pytest.approx(2.8)
    codes = drawn.codes(x, torch.tensor([0.3], dtype=torch.float64))
    assert codes.tolist() == [0]
    assert drawn.estimate(codes, y).item() == pytest.approx(1.4)
    far = torch.tensor([-2.51], dtype=torch.float64)
    assert near.codes(far, None).tolist() == [0]
    assert near.estimate(near.codes(far, None), torch.tensor([-3.2], dtype=torch.float64)).item() == pytest.approx(
        -2.5666666667
    )


@pytest.mark.parametrize(
    ("bits", "rounding", "ratio"),
    [(1, "nearest", 4), (2, "nearest", 2.667), (4, "nearest", 2.133), (8, "nearest", 2.0078), (2, "stochastic", 4),
     (4, "stochastic", 2.2857), (8, "stochastic", 2.0157)],
)  # fmt: skip
def test_the_modulus_is_that_of_the_table(bits, rounding, ratio):
    assert moniqua(bits=bits, theta=1.0, rounding=rounding).modulus == pytest.approx(ratio, abs=5e-4)


@pytest.mark.parametrize(("bits", "rounding"), ROUNDINGS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_estimates_are_within_delta_of_the_modulus_while_theta_holds(bits, rounding, dtype):
    exchange, rng = moniqua(bits=bits, theta=0.7, rounding=rounding), np.random.default_rng(bits)
    own = torch.from_numpy(rng.uniform(-5, 5, 40_000)).to(dtype)
    other = own + torch.from_numpy(rng.uniform(-0.7, 0.7, 40_000)).to(dtype) * 0.999999
    drawn = torch.from_numpy(rng.random(40_000)) if exchange.random else None
    codes = exchange.codes(other, drawn)
    assert codes.dtype == torch.int64
    assert int(codes.min()) >= 0 and int(codes.max()) == 2**bits - 1
    error = (exchange.estimate(codes, own) - other).abs().max().item()
    assert error <= exchange.delta * exchange.modulus + (1e-9 if dtype == torch.float64 else 3e-6)
    assert error >= 0.98 * exchange.delta * exchange.modulus  # attained


@pytest.mark.parametrize(("bits", "rounding"), ROUNDINGS)
def test_beyond_theta_an_estimate_is_wrong_by_about_a_modulus(bits, rounding):
    exchange, rng = moniqua(bits=bits, theta=0.7, rounding=rounding), np.random.default_rng(bits)
    own = torch.from_numpy(rng.uniform(-5, 5, 40_000))
    other = own + torch.from_numpy(rng.uniform(-1.2, 1.2, 40_000)) * 0.7
    drawn = torch.from_numpy(rng.random(40_000)) if exchange.random else None
    error = (exchange.estimate(exchange.codes(other, drawn), own) - other).abs().max().item()
    assert error > 0.75 * exchange.modulus


@pytest.mark.parametrize(("bits", "rounding"), ROUNDINGS)
def test_moniqua_keeps_the_mean_and_leaves_equal_models_alone(bits, rounding):
    exchange, start = moniqua(bits=bits, theta=5.0, rounding=rounding), models()
    drawn = uniforms(D) if exchange.random else None
    mixed, _ = exchange.mix(exchange.init(start), start, W, drawn)
    torch.testing.assert_close(mixed.mean(0), start.mean(0), rtol=0, atol=1e-13)
    equal = start[:1].expand(8, -1)
    same, _ = exchange.mix(exchange.init(equal), equal, W, drawn)
    torch.testing.assert_close(same, equal, rtol=0, atol=1e-13)


def moniqua_twin(start, exchange, drawn):
    """The definition, coordinate by coordinate."""

    def mod(z, a):
        return z - a * np.floor(z / a + 0.5)

    x, count, b = start.numpy(), 2**exchange.bits, exchange.modulus
    z = mod(x / b, 1.0)
    if exchange.random:
        codes = np.floor((z + 0.5) * count + drawn.numpy()) % count
        decoded = codes / count - 0.5
    else:
        codes = np.minimum(np.floor((z + 0.5) * count), count - 1)
        decoded = (codes + 0.5) / count - 0.5
    mixed = x.copy()
    for i in range(len(x)):
        hat = mod(decoded * b - x[i], b) + x[i]
        mixed[i] = x[i] + exchange.gamma * sum(W[i, j].item() * (hat[j] - hat[i]) for j in range(len(x)))
    return mixed


@pytest.mark.parametrize(("bits", "rounding"), ROUNDINGS)
@pytest.mark.parametrize("shared", [True, False])
def test_thirty_rounds_of_moniqua_are_its_definition(bits, rounding, shared):
    exchange = moniqua(bits=bits, theta=4.0, rounding=rounding, gamma=0.5, uniforms="shared" if shared else "own")
    ours = theirs = models()
    state = exchange.init(ours)
    for number in range(30):
        drawn = uniforms(D if shared else (8, D), number) if exchange.random else None
        ours, state = exchange.mix(state, ours, W, drawn)
        theirs = torch.from_numpy(moniqua_twin(theirs, exchange, drawn))
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


def test_a_pair_adds_half_of_what_it_believes_to_be_the_difference():
    own, other = models()[:2]
    assert all(torch.equal(each, (own + other) / 2) for each in plain().pair({}, own, other, None))
    exchange = moniqua(bits=8, theta=6.0)
    mine, theirs = exchange.pair({}, own, other, None)
    torch.testing.assert_close(mine, (own + other) / 2, rtol=0, atol=exchange.delta * exchange.modulus)
    codes = [exchange.codes(each, None) for each in (own, other)]
    expected = own + 0.5 * (exchange.estimate(codes[1], own) - exchange.estimate(codes[0], own))
    torch.testing.assert_close(mine, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(mine + theirs, own + other, rtol=0, atol=1e-12)


def draws(name, number):
    """(n, d) uniforms of a round; None where the compressor draws nothing."""
    return uniforms((8, D), number) if twins.COMPRESSED[name][0].random else None


@every_compressor
def test_thirty_rounds_of_choco_are_its_definition(name):
    compressor, compress = twins.COMPRESSED[name]
    exchange, ours, theirs = choco(compressor, gamma=0.15), models(), models().numpy()
    state, hat = exchange.init(ours), np.zeros_like(theirs)
    for number in range(30):
        ours, state = exchange.mix(state, ours, W, draws(name, number))
        hat = hat + compress(theirs - hat, draws(name, number))
        theirs = theirs + 0.15 * (W.numpy() - np.eye(8)) @ hat
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=1e-9)


@every_compressor
def test_thirty_rounds_of_deep_squeeze_are_its_definition(name):
    compressor, compress = twins.COMPRESSED[name]
    exchange, ours, theirs = deep_squeeze(compressor, gamma=0.15), models(), models().numpy()
    state, lost = exchange.init(ours), np.zeros_like(theirs)
    for number in range(30):
        ours, state = exchange.mix(state, ours, W, draws(name, number))
        arrived = compress(theirs + lost, draws(name, number))
        lost = theirs + lost - arrived
        theirs = theirs + 0.15 * (W.numpy() - np.eye(8)) @ arrived
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=1e-9)


@every_compressor
def test_difference_sends_the_change_of_a_whole_round(name):
    compressor, compress = twins.COMPRESSED[name]
    exchange, ours, theirs = difference(compressor), models(), models().numpy()
    state = exchange.init(ours)
    for number in range(30):
        step = 0.1 * np.random.default_rng(number).normal(size=(8, D))
        mixed, state = exchange.mix(state, ours, W, None)
        ours, state = exchange.settle(state, ours, mixed - torch.from_numpy(step), draws(name, number))
        theirs = theirs + compress(W.numpy() @ theirs - step - theirs, draws(name, number))
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=1e-9)


def test_what_is_sent_whole_is_the_mean_and_settles_as_it_is():
    start = models()
    for exchange in (plain(), choco(none()), deep_squeeze(top_k(k=D)), difference(none())):
        mixed, state = exchange.mix(exchange.init(start), start, W, None)
        torch.testing.assert_close(mixed, W @ start, rtol=0, atol=1e-14)
        settled, _ = exchange.settle(state, start, mixed, None)
        torch.testing.assert_close(settled, mixed, rtol=0, atol=1e-14)


def test_bits_are_counted():
    x = models()[0]
    assert plain().send(None, x, None).bits == 32 * D
    assert moniqua(bits=3, theta=1.0).send(None, x, None).bits == 3 * D
    assert choco(top_k(k=4)).send(torch.zeros(D), x, None).bits == 37 * 4
    assert difference(top_k(k=4)).send(None, x, None).bits == 0
    assert difference(top_k(k=4)).settle_node(None, x, x + 1, None).bits == 37 * 4


@every_compressor
@pytest.mark.parametrize("make", [choco, deep_squeeze, difference])
def test_what_is_sent_has_the_length_that_was_foretold(make, name):
    exchange, start = make(twins.COMPRESSED[name][0]), models()
    drawn = None if draws(name, 0) is None else draws(name, 0)[0]
    state = exchange.init(start)[0]
    sent = exchange.send(state, start[0], drawn).bits + exchange.settle_node(state, start[0], start[1], drawn).bits
    assert sent == exchange.nominal_bits(D)
    assert exchange.fixed_length


def test_a_model_that_is_not_finite_is_not_hidden():
    gone = models()[0].fill_(torch.nan)
    assert choco(top_k(k=4)).send(torch.zeros(D), gone, None).vector.isnan().all()
    assert difference(top_k(k=4)).settle_node(None, models()[0], gone, None).vector.isnan().all()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: moniqua(bits=1, theta=1.0, rounding="stochastic"), "delta < 1/2 (at one bit: rounding=nearest)"),
        (lambda: moniqua(theta=0.0), "a finite theta > 0, theory or pilot; got theta=0.0"),
        (lambda: moniqua(theta=-1.0), "a finite theta > 0"),
        (lambda: moniqua(theta=float("inf")), "a finite theta > 0"),
        (lambda: moniqua(bits=0), "1 <= bits <= 32"),
        (lambda: moniqua(gamma=0.0), "0 < gamma <= 1"),
        (lambda: moniqua(theta="theory"), "a finite gradient_bound > 0 for theta=theory"),
        (lambda: moniqua().modulus, "a number for theta by now; got theta=pilot"),
        (lambda: choco(none(), gamma=2.0), "0 < gamma <= 1; got gamma=2.0"),
        (lambda: choco(dynamic(schedule="fixed", budget=4)), "a compressor without memory; got compressor=Dynamic"),
        (lambda: difference(top_k(k=1, feedback=True)), "feedback=false: it has a memory of its own"),
        (lambda: difference(top_k(k=1, per="layer")), "per=vector: whole models"),
        (lambda: deep_squeeze(top_k(k=1, enforce=False)), "enforce=true: whole models"),
        (lambda: deep_squeeze(top_k(k=1, feedback_units="step")), "feedback_units=gradient: whole models"),
        (lambda: choco(sign()), "keeps the size of what is sent"),
        (lambda: choco(dp_sign()), "keeps the size of what is sent"),
        (lambda: choco(stochastic_sign(bound="max")), "keeps the size of what is sent"),
        (lambda: choco(qsgd(coding="sparse")).nominal_bits(D), "coding=fixed where the length"),
    ],
)
def test_what_an_exchange_cannot_be_is_refused(make, said):
    with pytest.raises(ValueError, match=" needs ") as refused:
        make()
    assert said in str(refused.value)
