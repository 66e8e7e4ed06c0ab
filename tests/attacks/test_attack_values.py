"""Single attacks against values computed by hand."""

import pytest
import torch
from attack_world import context, member, view
from scipy.stats import kstest
from torch.testing import assert_close

from byzsgd import attacks
from byzsgd.attacks.lie import formula
from byzsgd.interfaces import Batch

HONEST = [[1.0, 2.0], [3.0, 2.0], [5.0, 8.0]]  # mean (3, 4), std with ddof 1 (2, √12)


def test_none_sends_the_own_vector_itself():
    seen = view()
    assert attacks.none(seen) is seen.own


def test_sign_flip_and_reversed():
    seen = view([1.0, -2.0])
    assert attacks.sign_flip(seen).tolist() == [-1.0, 2.0]
    assert attacks.reversed(seen).tolist() == [-10.0, 20.0]
    assert attacks.reversed(seen, scale=0.5).tolist() == [-0.5, 1.0]


def test_gaussian_is_normal_with_its_mean_and_std():
    sent = attacks.gaussian(view(d=20_000), mean=3.0, std=2.0)
    assert kstest(sent.double().numpy(), "norm", args=(3.0, 2.0)).pvalue > 1e-3
    assert abs(sent.mean() - 3.0) < 4 * 2.0 / 20_000**0.5
    assert abs(sent.var() - 4.0) < 4 * 4.0 * (2 / 20_000) ** 0.5
    assert_close(attacks.gaussian(view(), std=0.0), torch.zeros(6))


def test_not_a_number():
    assert attacks.not_a_number(view()).isnan().all()


def test_lie_by_hand():
    sent = attacks.lie(view([0.0, 0.0], HONEST), z=0.5)
    assert_close(sent, torch.tensor([2.0, 4.0 - 0.5 * 12**0.5]))
    other_side = attacks.lie(view([0.0, 0.0], HONEST), z=0.5, sign=1)
    assert_close(other_side, torch.tensor([4.0, 4.0 + 0.5 * 12**0.5]))


@pytest.mark.parametrize(
    ("n", "m", "z"),
    [
        (10, 3, 0.180012),
        (15, 3, 0.210428),
        (15, 5, 0.524401),
        (20, 5, 0.253347),
        (25, 5, 0.253347),
        (25, 11, 1.067571),
        (50, 10, 0.253347),
        (50, 12, 0.336038),
        (50, 24, 1.426077),
        (51, 12, 0.361202),
        (100, 20, 0.285841),
        (17, 8, 1.220640),
    ],
)
def test_lie_formula(n, m, z):
    """Φ⁻¹, never Φ: the table that circulates in public notebooks has .69847 … in place of .0267 …"""
    assert formula(n, m) == pytest.approx(z, abs=1e-6)
    seen = view([0.0, 0.0], HONEST, num_workers=n, num_byzantine=m)
    assert_close(attacks.lie(seen, z="formula"), attacks.lie(seen, z=formula(n, m)))


def test_lie_formula_of_the_rows_that_the_rule_sees():
    seen = view([0.0, 0.0], HONEST, num_workers=100, num_byzantine=1)
    assert_close(attacks.lie(seen, z="formula", rows=15, lying_rows=5), attacks.lie(seen, z=formula(15, 5)))


@pytest.mark.parametrize(("n", "m"), [(10, 2), (10, 1), (10, 6), (10, 10), (3, 1)])
def test_lie_formula_refuses_what_is_not_positive(n, m):
    """(10, 2) gives exactly 0; with 6 of 10 the liars are the majority and nothing has to be hidden."""
    attack = attacks.lift(member("lie", "attack.z=formula"))
    with pytest.raises(ValueError, match=f"lie needs z > 0 .* got z=formula, n={n}, m={m}"):
        attack.init(context(num_workers=n, num_byzantine=m))


def test_lie_formula_without_liars_has_nothing_to_refuse():
    assert member("lie", "attack.z=formula").init(context(num_byzantine=0)) is None


def test_ipm_by_hand():
    seen = view([0.0, 0.0], HONEST)
    assert_close(attacks.ipm(seen, epsilon=0.5), torch.tensor([-1.5, -2.0]))
    assert_close(attacks.ipm(seen), torch.tensor([-0.3, -0.4]))


def test_label_flip_mirrors_the_classes():
    batch = Batch(torch.zeros(4, 2), torch.tensor([0, 1, 8, 9]), 10)
    assert member("label_flip").poison(batch).targets.tolist() == [9, 8, 1, 0]
    assert batch.targets.tolist() == [0, 1, 8, 9]


def test_label_flip_needs_classes():
    with pytest.raises(ValueError, match="label_flip needs a dataset with classes; got num_classes=0"):
        member("label_flip").poison(Batch(torch.zeros(4, 2), torch.zeros(4), 0))
