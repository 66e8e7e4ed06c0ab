"""Compressors against values worked out by hand, and against what the papers' formulas say with the same uniforms."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import laplace, norm

from byzsgd import compressors
from byzsgd.compressors.dynamic import solved_scale
from byzsgd.compressors.elias import omega_bits
from byzsgd.interfaces import Sending, WorkerContext
from byzsgd.kernel.randomness import Streams

D = 57


def t(*values):
    return torch.tensor(values, dtype=torch.float64)


def drawn(seed=0, d=D):
    rng = np.random.default_rng(seed)
    vector, uniforms = rng.standard_normal(d), rng.random(d)
    vector[[3, 11]] = 0.0
    return vector, uniforms


def qsgd(v, u, s, size):
    length = np.sqrt((v**2).sum()) if size == "l2" else np.abs(v).max()
    a = s * np.abs(v) / length
    low = np.floor(a)
    return length * np.sign(v) * (low + (u < a - low)) / s


def test_qsgd_by_hand():
    # a = 2·(3, 4)/5 = (1.2, 1.6).
    rule = compressors.qsgd(levels=2)
    assert rule.compress(t(3, -4), t(0.1, 0.7))[0].tolist() == [5, -2.5]
    assert rule.compress(t(3, -4), t(0.3, 0.5))[0].tolist() == [2.5, -5]
    assert rule.compress(t(3, -4), t(0.3, 0.5))[1] == 32 + 2 * 3


def test_stochastic_sign_by_hand():
    # p = ½ + v/(2b) = (.625, .125), and u < p is strict.
    rule = compressors.stochastic_sign(bound=2.0)
    assert rule.compress(t(0.5, -1.5), t(0.62, 0.12))[0].tolist() == [1, 1]
    assert rule.compress(t(0.5, -1.5), t(0.625, 0.125))[0].tolist() == [-1, -1]
    # Outside of the bound the sign is sure; b = 0 is the plain sign, and a fair coin at 0.
    assert rule.compress(t(2, -2), t(0.999999, 0.0))[0].tolist() == [1, -1]
    none = compressors.stochastic_sign(bound=0.0)
    assert none.compress(t(1e-8, -1e-8, 0, 0), t(0.99, 0.0, 0.49, 0.5))[0].tolist() == [1, -1, 1, -1]
    assert compressors.stochastic_sign(bound="own").compress(t(0, 0), t(0.49, 0.5))[0].tolist() == [1, -1]


def test_signs_and_selections_by_hand():
    assert compressors.scaled_sign(zero=0).compress(t(3, -4, 0, 0), None)[0].tolist() == [1.75, -1.75, 0, 0]
    assert compressors.scaled_sign().compress(t(3, -4, 0, 0), None)[0].tolist() == [1.75, -1.75, 1.75, 1.75]
    assert compressors.sign().compress(t(2, -0.5, 0.0, -0.0), None)[0].tolist() == [1, -1, 1, 1]
    assert compressors.sign(zero=0).compress(t(2, -0.5, 0.0, -0.0), None)[0].tolist() == [1, -1, 0, 0]
    assert compressors.top_k(k=2).compress(t(1, -1, 1, -1), None)[0].tolist() == [1, -1, 0, 0]
    # The k smallest u, ties to the lower index; times d/k.
    random_k = compressors.random_k(k=2, unbiased=True)
    assert random_k.compress(t(1, 2, 3, 4), t(0.5, 0.1, 0.5, 0.7))[0].tolist() == [2, 4, 0, 0]
    assert compressors.terngrad().compress(t(1, -2, 0), t(0.49, 0.99, 0.0))[0].tolist() == [2, -2, 0]
    # std of (1, 1, −5, 3) about its mean 0 is 3: clip 1 leaves (1, 1, −3, 3).
    assert compressors.terngrad(clip=1.0).compress(t(1, 1, -5, 3), t(0.32, 0.34, 0.5, 0.9))[0].tolist() == [3, 0, -3, 3]


def test_the_noise_of_dp_sign():
    assert compressors.dp_sign(epsilon=0.2).scale == pytest.approx(96.9, abs=0.005)  # C = 4, δ = 1e-5
    assert compressors.dp_sign(epsilon=0.5, noise="laplace").scale == 8.0


TWINS = {
    "sign": (compressors.sign(), lambda v, u: np.where(v >= 0, 1.0, -1.0), D),
    "sign 0": (compressors.sign(zero=0), lambda v, u: np.sign(v), 2 * D),
    "scaled_sign": (compressors.scaled_sign(), lambda v, u: np.abs(v).sum() / D * np.where(v >= 0, 1, -1), D + 32),
    "scaled_sign 0": (compressors.scaled_sign(zero=0), lambda v, u: np.abs(v).sum() / D * np.sign(v), 2 * D + 32),
    "stochastic_sign": (
        compressors.stochastic_sign(bound=1.5), lambda v, u: np.where(u < 0.5 + v / (2 * 1.5), 1.0, -1.0), D,
    ),
    "stochastic_sign own": (
        compressors.stochastic_sign(bound="own"),
        lambda v, u: np.where(u < 0.5 + v / (2 * np.abs(v).max()), 1.0, -1.0), D + 32,
    ),
    "dp_sign": (
        compressors.dp_sign(epsilon=2.0, clip=0.5),
        lambda v, u: np.where(u < norm.cdf(v / (0.5 * math.sqrt(2 * math.log(1.25e5)) / 2.0)), 1.0, -1.0), D,
    ),
    "dp_sign laplace": (
        compressors.dp_sign(epsilon=2.0, clip=0.5, noise="laplace"),
        lambda v, u: np.where(u < laplace.cdf(v, scale=0.25), 1.0, -1.0), D,
    ),
    "noisy_sign": (
        compressors.noisy_sign(scale=0.3), lambda v, u: np.where(v + 0.3 * norm.ppf(u) >= 0, 1.0, -1.0), D,
    ),
    "noisy_sign uniform": (
        compressors.noisy_sign(scale=0.3, noise="uniform"),
        lambda v, u: np.where(v + 0.3 * (2 * u - 1) >= 0, 1.0, -1.0), D,
    ),
    "qsgd": (compressors.qsgd(levels=4), lambda v, u: qsgd(v, u, 4, "l2"), 32 + D * 4),
    "qsgd linf": (compressors.qsgd(levels=7, norm="linf"), lambda v, u: qsgd(v, u, 7, "linf"), 32 + D * 4),
    "qsgd buckets": (
        compressors.qsgd(levels=3, bucket=20),
        lambda v, u: np.concatenate([qsgd(v[i : i + 20], u[i : i + 20], 3, "l2") for i in (0, 20, 40)]), 3 * 32 + D * 3,
    ),
    "uniform": (compressors.uniform(bits=5), lambda v, u: qsgd(v, u, 15, "linf"), 32 + 5 * D),
    "terngrad": (
        compressors.terngrad(),
        lambda v, u: np.abs(v).max() * np.sign(v) * (u < np.abs(v) / np.abs(v).max()), 32 + 2 * D,
    ),
    "top_k": (
        compressors.top_k(share=0.1), lambda v, u: np.where(np.abs(v) >= np.sort(np.abs(v))[-5], v, 0.0), 5 * (32 + 6),
    ),
    "random_k": (compressors.random_k(k=9), lambda v, u: np.where(u <= np.sort(u)[8], v, 0.0), 9 * 32),
    "random_k apart": (
        compressors.random_k(k=9, unbiased=True, shared=False),
        lambda v, u: np.where(u <= np.sort(u)[8], v * (D / 9), 0.0), 9 * (32 + 6),
    ),
    "none": (compressors.none(), lambda v, u: v, 32 * D),
}  # fmt: skip


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("seed", range(5))
def test_compress_is_the_definition(name, seed):
    rule, definition, bits = TWINS[name]
    v, u = drawn(seed)
    found, counted = rule.compress(torch.from_numpy(v), torch.from_numpy(u))
    np.testing.assert_allclose(found.numpy(), definition(v, u), rtol=1e-15, atol=0)
    assert counted == bits
    assert counted == rule.nominal_bits(D)


def test_the_lengths_of_elias_omega():
    lengths = {1: 1, 2: 3, 3: 3, 4: 6, 7: 6, 8: 7, 15: 7, 16: 11, 31: 11, 32: 12, 1000: 17}
    for number, bits in lengths.items():
        assert omega_bits(torch.tensor([number])) == bits, number
    assert omega_bits(torch.tensor(list(lengths))) == sum(lengths.values())
    assert omega_bits(torch.tensor([])) == 0


def test_bits_of_the_codings_by_hand():
    # Levels (0, 2, 0, 0, −1): gaps 2 and 3, sizes 2 and 1.
    v, u = t(0, 2, 0, 0, -1), t(0.5, 0.5, 0.5, 0.5, 0.5)
    sparse = compressors.qsgd(levels=2, norm="linf", coding="sparse")
    assert sparse.compress(v, u)[1] == 32 + (3 + 1 + 3) + (3 + 1 + 1)
    dense = compressors.qsgd(levels=2, norm="linf", coding="dense")
    assert dense.compress(v, u)[1] == 32 + 3 * 1 + (3 + 1) + (3 + 1)  # of 1, 3, 1, 1, 2
    assert sparse.compress(0 * v, u)[1] == 32
    with pytest.raises(ValueError, match="coding=fixed"):
        sparse.nominal_bits(5)


@pytest.mark.parametrize(("s", "sparse_bits", "dense_bits"), [(1, 720, 4280), (64, 11_300, 12_100)])
def test_codings_are_as_long_as_the_trial_and_below_the_bound_of_the_paper(s, sparse_bits, dense_bits):
    d = 4096
    v, u = (torch.from_numpy(x) for x in drawn(1, d))
    lengths = [compressors.qsgd(levels=s, coding=coding).compress(v, u)[1] for coding in ("sparse", "dense")]
    assert lengths == pytest.approx([sparse_bits, dense_bits], rel=0.1)
    terms = s * (s + math.sqrt(d))
    assert lengths[0] < (3 + 1.5 * math.log2(2 * (s * s + d) / terms)) * terms + 32


CONTEXT = WorkerContext(0, 4, (4,), Streams(0).of_worker(0))


def test_levels_of_adaquantfl():
    # ⌈2·√(2.3/F)⌉ = 2, 3, 5, 10, 22 for losses 2.3, 1.2, .5, .1, .02: bits ⌈log2(s + 1)⌉ + 1.
    rule = compressors.dynamic(schedule="loss", scale=2.0)
    state, bits = rule.init(CONTEXT), []
    for loss in (2.3, 1.2, 0.5, 0.1, 0.02):
        wire, state = rule.encode(state, t(1, 2, 3, 4), t(0, 0, 0, 0), Sending(0, loss=loss))
        bits.append((wire.bits - 40) // 4)
    assert bits == [math.ceil(math.log2(s + 1)) + 1 for s in (2, 3, 5, 10, 22)]


def test_levels_of_dq_sgd():
    # s_t = 10·.81^((T − 1 − t)/2)·‖g‖∞: at T = 3 and ‖g‖∞ = 2 that is 16.2, 18, 20, and 20 from then on.
    rule = compressors.dynamic(decay=0.81, scale=10.0, horizon=3)
    assert [rule.levels(2.0, step) for step in (0, 1, 2, 3, 9)] == pytest.approx([16.2, 18, 20, 20, 20])
    assert rule.bits(2.0, 0) == math.ceil(math.log2(17.2)) + 1
    assert rule.bits(0.0, 0) == 2
    assert rule.bits(1e30, 0) == 32
    wire, _ = rule.encode(rule.init(CONTEXT), t(0, 0, 0, 0), t(0, 0.5, 0.9, 0.3), Sending(0))
    assert (rule.decode(wire).tolist(), wire.bits) == ([0, 0, 0, 0], 40 + 4 * 2)


def test_a_dynamic_message_is_that_of_uniform_at_its_bits():
    v, u = (torch.from_numpy(x) for x in drawn())
    rule = compressors.dynamic(decay=0.9, scale=6.0, horizon=5)
    wire, _ = rule.encode(rule.init(CONTEXT), v, u, Sending(2))
    bits = rule.bits(float(v.abs().max()), 2)
    decoded, counted = compressors.uniform(bits=bits).compress(v, u)
    assert torch.equal(rule.decode(wire), decoded)
    assert wire.bits == counted + 8
    fixed = compressors.dynamic(schedule="fixed", budget=bits)
    assert torch.equal(fixed.decode(fixed.encode(fixed.init(CONTEXT), v, u, Sending(0))[0]), decoded)


def test_the_scale_of_a_budget_spends_it():
    norms = torch.rand(40, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.1
    scale = solved_scale(norms, 0.95, 40, 5.0)
    rule = compressors.dynamic(decay=0.95, scale=scale, horizon=40)
    spent = [math.log2(rule.levels(float(norm), step) + 1) + 1 for step, norm in enumerate(norms)]
    assert sum(spent) / 40 == pytest.approx(5.0, abs=1e-9)
    # All norms times c with k/c changes nothing.
    assert solved_scale(3 * norms, 0.95, 40, 5.0) == pytest.approx(scale / 3)


REFUSED = [
    ("qsgd", {"levels": 0}, "levels >= 1"),
    ("qsgd", {"bucket": 0}, "bucket >= 1, or null"),
    ("uniform", {"bits": 1}, "2 <= bits <= 32"),
    ("terngrad", {"clip": 0.0}, "0 < clip < inf, or null"),
    ("stochastic_sign", {"bound": -1.0}, "0 <= bound < inf"),
    ("dp_sign", {"epsilon": 0.0}, "0 < epsilon < inf"),
    ("dp_sign", {"delta": 1.0}, "0 < delta < 1"),
    ("noisy_sign", {"scale": -0.1}, "0 <= scale < inf"),
    ("top_k", {"k": 3, "share": 0.1}, "either share or k"),
    ("top_k", {"share": 1.5}, "0 < share <= 1"),
    ("random_k", {"k": 0}, "k >= 1"),
    ("dynamic", {"scale": 1.0, "horizon": 5, "decay": 1.0}, "0 < decay < 1"),
    ("dynamic", {"scale": 1.0, "horizon": 5}, "0 < decay < 1; got decay=null"),
    ("dynamic", {"scale": 1.0, "decay": 0.9}, "horizon >= 1, or budget.updates"),
    ("dynamic", {"scale": 1.0, "budget": 3.0, "horizon": 5, "decay": 0.9}, "either scale or budget"),
    ("dynamic", {"schedule": "loss", "budget": 3.0}, "scale, and no budget"),
    ("dynamic", {"schedule": "fixed", "budget": 3.5}, "a whole budget"),
]


@pytest.mark.parametrize(("name", "settings", "said"), REFUSED)
def test_impossible_settings_are_refused(name, settings, said):
    with pytest.raises(ValueError, match=r"needs .*; got ") as error:
        getattr(compressors, name)(**settings)
    assert said in str(error.value)


def test_top_k_is_refused_where_there_are_fewer_coordinates():
    with pytest.raises(ValueError, match="k <= d; got k=5, d=4"):
        compressors.top_k(k=5).compress(t(1, 2, 3, 4), None)
