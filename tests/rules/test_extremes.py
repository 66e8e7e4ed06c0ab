"""Rows at the ends of their type's range: no rule overflows, and none that is declared bounded gives way."""

import itertools
import math

import numpy as np
import pytest
import torch
from members import PREAGGREGATORS, RULES, bound, declaration, most_liars

from byzsgd.aggregators.magnitudes import at_length

K, D = 15, 12
BOUNDED = [name for name in RULES if "bounded" in declaration(name).laws]
SCALED = [name for name in [*RULES, *PREAGGREGATORS] if "scaling" in declaration(name).laws]
MEANS = [name for name in RULES if "box" in declaration(name).laws and name != "mean"] + ["nnm", "bucketing"]
SIZES = {
    torch.float64: (1e100, 1e155, 1.7e308, 1e-155, 5e-324),
    torch.float32: (1e30, 3e38, 1e-45),
    torch.float16: (6e4, 6e-8),
}


def honest(dtype, seed=10):
    return torch.tensor(np.random.default_rng(seed).normal(size=(K, D))).to(dtype)


def liars(name):
    """At least one, at most two; those without f bear fewer than half, ctma a fifth of the weight."""
    return min(2, most_liars(name, K)) if declaration(name).takes_f else 2


@pytest.mark.parametrize("dtype", SIZES, ids=str)
@pytest.mark.parametrize("name", BOUNDED)
def test_liars_of_any_size_move_a_bounded_rule_no_further(name, dtype):
    f = liars(name)
    alternating = torch.tensor([1.0, -1] * (D // 2))
    for size, signs in itertools.product(SIZES[dtype], (torch.ones(D), alternating)):
        x = honest(dtype)
        x[-f:] = (size * signs).to(dtype)
        answer = bound(name, f, D, dtype)(x)
        assert answer.dtype == dtype
        assert torch.isfinite(answer).all()
        assert answer.abs().max() < 5


@pytest.mark.parametrize("dtype", SIZES, ids=str)
@pytest.mark.parametrize("name", BOUNDED)
def test_liars_of_mixed_sizes_move_a_bounded_rule_no_further(name, dtype):
    f = liars(name)
    for sizes in zip(SIZES[dtype], (*SIZES[dtype][1:], -0.0), strict=True):
        for direction in (torch.ones(2, D), torch.eye(2, D)):
            x = honest(dtype)
            x[-f:] = (torch.tensor(sizes, dtype=torch.float64)[:, None] * direction)[:f].to(dtype)
            answer = bound(name, f, D, dtype)(x)
            assert torch.isfinite(answer).all()
            assert answer.abs().max() < 5


@pytest.mark.parametrize("name", SCALED)
def test_a_power_of_two_goes_through_every_rule_that_scales(name):
    """2^1000 and 2^-960: squares of neither can be written in 64 bits."""
    f = min(3, most_liars(name, K))
    x = honest(torch.float64)
    x[:2] *= 40
    plain, large, small = (bound(name, f, D)(x * factor) for factor in (1.0, 2.0**1000, 2.0**-960))
    torch.testing.assert_close(large * 2.0**-1000, plain, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(small * 2.0**960, plain, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", SIZES, ids=str)
@pytest.mark.parametrize("name", MEANS)
def test_rows_near_the_largest_number_have_a_mean(name, dtype):
    largest = torch.finfo(dtype).max
    x = torch.full((K, D), largest, dtype=dtype)
    answer = bound(name, min(3, most_liars(name, K)), D, dtype)(x)
    torch.testing.assert_close(answer, torch.full_like(answer, largest), rtol=4 * torch.finfo(dtype).eps, atol=0)
    x[:, ::2] *= -0.5
    answer = bound(name, min(3, most_liars(name, K)), D, dtype)(x)
    torch.testing.assert_close(answer, x[: len(answer)] if answer.dim() == 2 else x[0], rtol=1e-3, atol=0)


@pytest.mark.parametrize("dtype", SIZES, ids=str)
@pytest.mark.parametrize("name", MEANS)
def test_equal_denormal_rows_are_answered_by_themselves(name, dtype):
    least = torch.finfo(dtype).tiny / 8
    x = torch.full((K, D), least, dtype=dtype)
    answer = bound(name, min(3, most_liars(name, K)), D, dtype)(x)
    torch.testing.assert_close(answer, torch.full_like(answer, least), rtol=1e-3, atol=0)


def test_krum_tells_honest_rows_apart_beside_one_of_any_size():
    from byzsgd.aggregators.preaggregators import nnm
    from byzsgd.aggregators.rules import krum

    x = honest(torch.float64) * 1e-5
    far = x.clone()
    far[-1] = 1.0
    plain, mixed = krum(far, f=3), nnm(far, f=3)
    far[-1] = 1.7e308
    assert torch.equal(krum(far, f=3), plain)
    torch.testing.assert_close(nnm(far, f=3)[:-1], mixed[:-1], rtol=1e-12, atol=0)
    assert torch.isfinite(nnm(far, f=3)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rules_of_directions_look_at_no_length(dtype):
    from byzsgd.aggregators.rules import flag_single, fltrust

    x = honest(dtype)
    lengths = torch.tensor([1e-40, 1e30, 1e-45 if dtype == torch.float64 else 1e-38] * 5, dtype=dtype)[:, None]
    power = 2.0 ** torch.log2(lengths).round()
    trusted = torch.linspace(-1, 2, D, dtype=dtype)
    slack = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(fltrust(x * power, trusted=trusted), fltrust(x, trusted=trusted), **slack)
    torch.testing.assert_close(flag_single(x * power), flag_single(x), **slack)
    far = fltrust(x, trusted=trusted * 1e30)
    torch.testing.assert_close(far * 1e-30, fltrust(x, trusted=trusted), **slack)
    liars = x.clone()
    liars[0], liars[1] = 1e-40 * trusted, 1e30 * trusted
    assert torch.isfinite(fltrust(liars, trusted=trusted)).all()


def test_clipping_and_arc_measure_rows_of_any_length():
    from byzsgd.aggregators.preaggregators import arc, clipping

    for size in (1.7e308, 1e200, 1e-200):
        x = torch.tensor([[3.0, 4.0], [size, size], [0.3, 0.4], [0.0, 0.0], [0.0, 0.1]], dtype=torch.float64)
        clipped = clipping(x, radius=1.0)
        assert clipped[0].tolist() == pytest.approx([0.6, 0.8])
        wanted = [math.sqrt(0.5)] * 2 if size > 1 else [size] * 2
        assert clipped[1].tolist() == pytest.approx(wanted)
        assert clipped[2].tolist() == [0.3, 0.4]
    cut = arc(x.clone().index_fill_(0, torch.tensor([1]), 1.7e308), f=1)
    assert cut[1].tolist() == pytest.approx([5 * math.sqrt(0.5)] * 2)


def test_any_vector_is_brought_to_a_length():
    for size in (1.7e308, 1.0, 5e-324):
        assert at_length(torch.full((4,), size, dtype=torch.float64), 6.0).tolist() == [3.0] * 4
    assert at_length(torch.full((4,), 1e-45), 6.0).tolist() == [3.0] * 4
