"""Laws of compressors: over all members, and those of single ones by exact integration over their uniform numbers."""

import math

import numpy as np
import pytest
import torch
import yaml

from byzsgd import compressors
from byzsgd.compressors.dynamic import solved_scale
from byzsgd.config.catalogue import members
from byzsgd.config.locations import CONF
from byzsgd.interfaces import Sending, WorkerContext
from byzsgd.kernel.randomness import Streams

MEMBERS = [member.name for member in members("compressor")]
GIVEN = {"dynamic": {"decay": 0.9, "scale": 20.0, "horizon": 10}, "dp_sign": {"clip": 4.0}}
CONTEXT = WorkerContext(0, 8, (8,), Streams(0).of_worker(0))
MIDPOINTS = 400  # of the quadrature over one uniform number


def member(name):
    settings = yaml.safe_load((CONF / "compressor" / f"{name}.yaml").read_text())
    del settings["_target_"]
    return getattr(compressors, name)(**{**settings, **GIVEN.get(name, {})})


def gaussian(d, seed=0, dtype=torch.float64):
    return torch.randn(d, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def uniform(d, seed=1, dtype=torch.float64):
    return torch.rand(d, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def decoded(rule, vector, uniforms):
    wire, _ = rule.encode(rule.init(CONTEXT), vector, uniforms if rule.random else None, Sending(0, 0.1))
    return rule.decode(wire), wire


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_every_member_is_pure_and_says_its_bits(name, dtype):
    rule = member(name)
    vector, uniforms = gaussian(101, dtype=dtype), uniform(101, dtype=dtype)
    before = vector.clone(), uniforms.clone()
    found, wire = decoded(rule, vector, uniforms)
    again, _ = decoded(rule, vector, uniforms)
    assert torch.equal(found, again)
    assert torch.equal(vector, before[0])
    assert torch.equal(uniforms, before[1])
    assert (found.dtype, found.shape) == (dtype, vector.shape)
    assert found.isfinite().all()
    assert found.data_ptr() != vector.data_ptr()
    assert wire.bits > 0
    assert wire.num_parameters == 101
    if rule.fixed_length:
        assert wire.bits == rule.nominal_bits(101)
    else:
        with pytest.raises(ValueError, match="must be known"):
            rule.nominal_bits(101)


@pytest.mark.parametrize("name", [name for name in MEMBERS if name != "dynamic"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_and_never_becomes_a_sign(name, value):
    vector = gaussian(9)
    vector[4] = value
    with pytest.raises(ValueError, match=r"needs a vector of finite numbers; got not_finite=1, d=9"):
        member(name).compress(vector, uniform(9))


@pytest.mark.parametrize("name", MEMBERS)
def test_a_zero_vector_is_sent(name):
    rule = member(name)
    found, _ = decoded(rule, torch.zeros(8, dtype=torch.float64), uniform(8))
    signs = name in ("sign", "stochastic_sign", "dp_sign", "noisy_sign")
    assert set(found.tolist()) <= ({-1.0, 1.0} if signs else {0.0})


def expectation(rule, values, other=()):
    """E over u of the decoded first coordinate of (value, *other), for each value, by midpoints."""
    means = []
    for value in values:
        vector = torch.tensor([value, *other], dtype=torch.float64)
        answers = []
        for u in (np.arange(MIDPOINTS) + 0.5) / MIDPOINTS:
            uniforms = torch.full_like(vector, 0.5)
            uniforms[0] = u
            answers.append(float(rule.compress(vector, uniforms)[0][0]))
        means.append(np.mean(answers))
    return np.array(means)


@pytest.mark.parametrize(
    "rule",
    [
        *(compressors.qsgd(levels=3), compressors.qsgd(levels=5, norm="linf")),
        *(compressors.uniform(bits=3), compressors.terngrad()),
    ],
    ids=["qsgd l2", "qsgd linf", "uniform", "terngrad"],
)  # fmt: skip
def test_roundings_are_unbiased(rule):
    values = np.array([-0.9, -0.31, 0.0, 0.12, 0.77])
    means = expectation(rule, values, (1.0, -0.4))
    np.testing.assert_allclose(means, values, atol=1.5 / 400)


def test_the_mean_of_stochastic_sign_is_the_clipped_share_of_the_bound():
    values = np.array([-3.0, -1.2, 0.0, 0.5, 2.0, 9.0])
    means = expectation(compressors.stochastic_sign(bound=2.0), values)
    np.testing.assert_allclose(means, np.clip(values / 2.0, -1, 1), atol=2.5 / 400)


def variance(rule, vector, draws=300):
    errors = [
        float((rule.compress(vector, uniform(len(vector), seed))[0] - vector).square().sum()) for seed in range(draws)
    ]
    return sum(errors) / draws


@pytest.mark.parametrize("s", [1, 2, 8])
@pytest.mark.parametrize("d", [4, 100])
def test_the_variance_of_qsgd_is_the_formula_and_within_the_bound(s, d):
    v = gaussian(d)
    size = float(v.norm())
    a = s * v.abs() / size
    p = a - a.floor()
    exact = size**2 / s**2 * float((p * (1 - p)).sum())
    assert exact <= min(d / s**2, math.sqrt(d) / s) * size**2
    assert variance(compressors.qsgd(levels=s), v) == pytest.approx(exact, rel=0.25)
    largest = float(v.abs().max())
    linf = compressors.qsgd(levels=s, norm="linf")
    assert variance(linf, v, 60) <= 1.3 * d * largest**2 / (4 * s**2)


@pytest.mark.parametrize("seed", range(4))
def test_contractions(seed):
    d = 40
    v = gaussian(d, seed)
    error = float((compressors.scaled_sign().compress(v, None)[0] - v).square().sum())
    assert error == pytest.approx(float((1 - v.abs().sum() ** 2 / (d * v.square().sum())) * v.square().sum()))
    for k in (1, 7, 40):
        found = compressors.top_k(k=k).compress(v, None)[0]
        assert float((found - v).square().sum()) <= (1 - k / d) * float(v.square().sum()) + 1e-12
        assert int((found != 0).sum()) == k
    equal = torch.full((d,), 0.5, dtype=torch.float64)
    assert float((compressors.top_k(k=10).compress(equal, None)[0] - equal).square().sum()) == pytest.approx(
        0.75 * d / 4
    )
    assert torch.equal(compressors.scaled_sign().compress(equal, None)[0], equal)
    one_hot = torch.zeros(d, dtype=torch.float64)
    one_hot[5] = -3.0
    assert torch.equal(compressors.qsgd(levels=3).compress(one_hot, uniform(d))[0], one_hot)


def test_reductions():
    v, u = gaussian(64), uniform(64)
    assert torch.equal(compressors.top_k(k=64).compress(v, None)[0], v)
    assert torch.equal(compressors.random_k(k=64, unbiased=True).compress(v, u)[0], v)
    torch.testing.assert_close(compressors.qsgd(levels=10**9).compress(v, u)[0], v, rtol=0, atol=1e-7)
    torch.testing.assert_close(compressors.uniform(bits=32).compress(v, u)[0], v, rtol=0, atol=1e-8)
    one = compressors.qsgd(levels=1, norm="linf")
    assert torch.equal(compressors.terngrad().compress(v, u)[0], one.compress(v, u)[0])
    assert compressors.terngrad().compress(v, u)[1] == one.compress(v, u)[1]
    assert torch.equal(
        compressors.uniform(bits=4).compress(v, u)[0], compressors.qsgd(levels=7, norm="linf").compress(v, u)[0]
    )
    noisy = compressors.noisy_sign(scale=1.3, noise="uniform").compress(v, u)[0]
    assert torch.equal(noisy, compressors.stochastic_sign(bound=1.3).compress(v, 1 - u)[0])
    buckets = compressors.qsgd(levels=3, bucket=64)
    assert torch.equal(buckets.compress(v, u)[0], compressors.qsgd(levels=3).compress(v, u)[0])


def test_dp_sign_of_a_mean_is_that_of_a_sum():
    v, u = gaussian(50), uniform(50)
    by_sum = compressors.dp_sign(epsilon=3.0, clip=2.0).compress(v * 32, u)[0]
    assert torch.equal(by_sum, compressors.dp_sign(epsilon=3.0, clip=2.0 / 32).compress(v, u)[0])


@pytest.mark.parametrize("epsilon", [0.3, 0.9])
def test_dp_sign_keeps_its_promise_in_one_dimension(epsilon):
    """|ln| of the odds of either sign changes by at most ε between neighbours, but for δ."""
    delta, clip = 1e-3, 4.0
    sigma = compressors.dp_sign(epsilon=epsilon, delta=delta, clip=clip).scale
    for v in np.linspace(-10 * sigma, 10 * sigma, 201):
        p, q = (0.5 * math.erfc(-x / (sigma * math.sqrt(2))) for x in (v, v + clip))
        for one, other in ((p, q), (q, p), (1 - p, 1 - q), (1 - q, 1 - p)):
            assert one <= math.exp(epsilon) * other + delta


@pytest.mark.parametrize("d", [5000, 70_000])
@pytest.mark.parametrize("k", [1, 37, 5000])
@pytest.mark.parametrize("many_ties", [False, True])
def test_the_fast_choice_of_top_k_is_that_of_a_sort(d, k, many_ties):
    v = gaussian(d, dtype=torch.float32)
    if many_ties:
        v = (3 * v).round()
    expected = np.argsort(-v.abs().numpy(), kind="stable")[:k]
    found = compressors.top_k(k=k)
    wire = found.wire(v, None, Sending(0))
    assert wire.indices.tolist() == sorted(expected.tolist())


def test_a_sample_that_sees_no_large_value_does_not_mislead_the_fast_choice():
    v = torch.zeros(20_000, dtype=torch.float64)
    v[[7, 4099, 12_345]] = torch.tensor([3.0, -2.0, 1.0], dtype=torch.float64)
    assert compressors.top_k(k=2).wire(v, None, Sending(0)).indices.tolist() == [7, 4099]
    assert compressors.top_k(k=5).wire(v, None, Sending(0)).indices.tolist() == [0, 1, 7, 4099, 12_345]


def test_a_sample_that_sees_only_large_values_does_not_mislead_it_either():
    v = torch.arange(20_000, dtype=torch.float64) / 1e6
    v[::4] = 1.0  # every fourth value is in the sample: it says that all are large
    expected = sorted(np.argsort(-v.numpy(), kind="stable")[:10_000].tolist())
    assert compressors.top_k(k=10_000).wire(v, None, Sending(0)).indices.tolist() == expected


# Error feedback, as the channel does it: p = v + e, C(p) is sent, e ← p − C(p).
def with_feedback(rule, vectors):
    error, sent = torch.zeros_like(vectors[0]), []
    for serial, vector in enumerate(vectors):
        p = vector + error
        message = rule.compress(p, uniform(len(p), serial))[0]
        sent.append(message)
        error = p - message
    return sent, error


@pytest.mark.parametrize("rule", [compressors.scaled_sign(), compressors.top_k(k=3), compressors.qsgd(levels=16)],
                         ids=["scaled_sign", "top_k", "qsgd"])  # fmt: skip
def test_feedback_telescopes(rule):
    vectors = [gaussian(30, seed) for seed in range(200)]
    sent, error = with_feedback(rule, vectors)
    torch.testing.assert_close(sum(sent) + error, sum(vectors), rtol=0, atol=1e-10)


def test_the_error_of_a_contraction_is_bounded():
    # δ = k/d of top_k: ‖e‖² ≤ 4(1 − δ)/δ²·max‖g‖².
    vectors = [gaussian(30, seed) for seed in range(300)]
    share = 3 / 30
    bound = 4 * (1 - share) / share**2 * max(float(v.square().sum()) for v in vectors)
    error = torch.zeros(30, dtype=torch.float64)
    for vector in vectors:
        p = vector + error
        error = p - compressors.top_k(k=3).compress(p, None)[0]
        assert float(error.square().sum()) <= bound


def test_dq_levels_are_the_optimum():
    """The rule against a numeric optimiser: least Σ α^(T−1−t)·‖g_t‖²/s_t² at a given sum of log2(s_t + 1)."""
    from scipy.optimize import minimize

    horizon, decay, mean_bits = 12, 0.9, 6.0
    norms = torch.rand(horizon, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) + 0.5
    scale = solved_scale(norms, decay, horizon, mean_bits)
    rule = compressors.dynamic(decay=decay, scale=scale, horizon=horizon)
    levels = np.array([rule.levels(float(norm), step) for step, norm in enumerate(norms)])
    weights = decay ** np.arange(horizon - 1, -1, -1) * norms.numpy() ** 2

    def cost(bits):
        return float((weights / (2 ** (bits - 1) - 1) ** 2).sum()) * 1e3

    fixed = np.full(horizon, mean_bits)
    found = minimize(cost, fixed, constraints={"type": "eq", "fun": lambda bits: bits.sum() - horizon * mean_bits},
                     bounds=[(1.5, 20)] * horizon, options={"ftol": 1e-14, "maxiter": 500})  # fmt: skip
    own = np.log2(levels + 1) + 1
    assert cost(own) <= found.fun * 1.001
    assert cost(own) < cost(fixed)
    assert np.abs(own - found.x).max() < 0.06


def test_dq_laws():
    rule = compressors.dynamic(decay=0.81, scale=7.0, horizon=20)
    # Norms that fall as α^(t/2) are sent at constant levels; constant norms gain ½·log2(1/α) bits a step.
    falling = [rule.levels(0.9**step, step) for step in range(20)]
    assert max(falling) == pytest.approx(min(falling))
    steady = np.log2([rule.levels(1.0, step) for step in range(20)])
    np.testing.assert_allclose(np.diff(steady), 0.5 * math.log2(1 / 0.81))
