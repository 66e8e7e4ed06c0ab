"""The server `sign_vote`: votes worked out by hand, its laws, and the bound of its error by exact probabilities."""

import itertools

import numpy as np
import pytest
import torch

from byzsgd import compressors, experiment
from byzsgd.aggregators import vote_with_feedback
from byzsgd.aggregators.rules import sign_majority
from byzsgd.aggregators.sign_vote import Vote


def votes(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def run(rule, rounds):
    """Directions of a sequence of rounds."""
    state, directions = None, []
    for rows in rounds:
        direction, state = rule.aggregate(state, rows, None, 0)
        directions.append(direction)
    return directions, state


def test_three_rounds_by_hand():
    carry, seen = None, []
    for rows in (votes([1], [1], [1]), votes([1], [-1], [-1]), votes([-1], [-1], [-1])):
        direction, carry = vote_with_feedback(rows, carry, tie=0)
        seen.append((int(direction), int(carry)))
    assert seen == [(1, 2), (1, 0), (-1, -2)]
    assert carry.dtype == torch.int64
    assert direction.dtype == torch.float64


def test_unanimous_votes_add_up_and_keep_their_direction():
    # M = 5: 4 a round, 16·5 = 80 after 20; t(M − 1)/(M + 1) = 20·4/6 = 13 more steps in the old direction.
    yes, no = votes(*[[1]] * 5), votes(*[[-1]] * 5)
    directions, carry = run(Vote(feedback="votes", tie=0), [yes] * 20)
    assert int(carry) == 80
    directions, _ = run(Vote(feedback="votes", tie=0), [yes] * 20 + [no] * 20)
    assert [int(direction) for direction in directions[20:]] == [1] * 13 + [-1] * 7


@pytest.mark.parametrize("m", [3, 4, 6, 31])
def test_the_integer_form_is_the_papers_form(m):
    """u = mean + e, direction = sign(u), e ← u − sign(u)/M, in exact fractions of M."""
    from fractions import Fraction

    rng = np.random.default_rng(m)
    carry, error = None, [Fraction(0)] * 4
    for _ in range(200):
        rows = rng.choice([-1, 1], size=(m, 4))
        direction, carry = vote_with_feedback(torch.from_numpy(rows).double(), carry, tie=0)
        u = [Fraction(int(total), m) + own for total, own in zip(rows.sum(0), error, strict=True)]
        signs = [(x > 0) - (x < 0) for x in u]
        error = [x - Fraction(sign, m) for x, sign in zip(u, signs, strict=True)]
        assert direction.tolist() == signs
        assert carry.tolist() == [int(m * own) for own in error]
        if m % 2:
            assert not (direction == 0).any()
            assert not (carry % 2).any()


def test_feedback_l1_contracts_and_has_the_scale_of_a_mean_vote():
    generator = torch.Generator().manual_seed(0)
    rounds = [torch.randn(5, 40, dtype=torch.float64, generator=generator).sign() for _ in range(100)]
    directions, error = run(Vote(feedback="l1", tie=0), rounds)
    total = sum(rows.mean(0) for rows in rounds)
    torch.testing.assert_close(sum(directions) + error, total, rtol=0, atol=1e-10)
    assert float(error.abs().max()) < 10
    first = rounds[0].mean(0)
    torch.testing.assert_close(directions[0], first.abs().mean() * first.sign())


def test_without_feedback_it_is_the_majority():
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(6, 50, dtype=torch.float64, generator=generator)
    (plain,), _ = run(Vote(feedback=None, tie=0), [rows])
    assert torch.equal(plain, sign_majority(rows))
    (plus,), _ = run(Vote(feedback=None, tie="plus"), [rows])
    assert torch.equal(plus, torch.where(plain == 0, 1.0, plain))
    assert (plain == 0).any()


def test_a_row_that_is_not_finite_has_no_vote():
    rows = votes([1, -1], [1, -1], [float("nan"), 1], [float("inf"), 1])
    for feedback in (None, "votes", "l1"):
        (direction,), _ = run(Vote(feedback=feedback, tie=0), [rows])
        assert direction.sign().tolist() == [1, -1]


def test_in_a_run_it_is_a_round_of_sign_majority():
    words = ("num_workers=5", "num_byzantine=1", "budget.arrivals=60", "compressor=stochastic_sign", "optimizer.lr=.01",
             "eval_every=30", "attack=sign_flip")  # fmt: skip
    vote, rule = (experiment(*words, f"aggregator={name}").run() for name in ("sign_vote", "sign_majority"))
    assert vote.arrivals.equals(rule.arrivals)
    assert vote.metrics.drop("bits_down").equals(rule.metrics.drop("bits_down"))


def wrong(signs_up):
    """P(Σ S <= 0) of independent signs with these chances of +1: the Poisson-binomial law."""
    law = np.array([1.0])
    for p in signs_up:
        law = np.convolve(law, [1 - p, p])
    counts = np.arange(len(law))
    return float(law[2 * counts - (len(law) - 1) <= 0].sum())


@pytest.mark.parametrize("m", [3, 6, 11, 31])
def test_the_error_of_a_vote_is_bounded(m):
    """x = |Σ g|/(M·b), b ≥ max|g|: a vote of stochastic signs is wrong, or tied, with P <= (1 − x²)^(M/2)."""
    rng = np.random.default_rng(m)
    for _ in range(300):
        g = rng.standard_normal(m) * rng.random() + rng.random()
        g *= np.sign(g.sum())
        b = np.abs(g).max() * rng.uniform(1, 3)
        x = g.sum() / (m * b)
        assert wrong(0.5 + g / (2 * b)) <= (1 - x * x) ** (m / 2) + 1e-12


def test_votes_on_heterogeneous_gradients():
    # Σ(−4, 1, 1, 1) = −1: signs vote +1, always; stochastic signs with b = 4 are wrong with .684, ties counted wrong.
    g = -np.array([-4.0, 1, 1, 1])
    assert wrong(0.5 + g / 8) == pytest.approx(0.684, abs=5e-4)
    # b = max|g| does not make a wrong vote rarer than ½.
    g = -np.array([-1, 0.48, 0.48])
    assert [wrong(0.5 + g / (2 * b)) for b in (1, 2, 10)] == pytest.approx([0.5476, 0.5022, 0.4991], abs=5e-5)
    # The same by drawing: the vote of compressed rows.
    rule = compressors.stochastic_sign(bound=4.0)
    levels = (torch.arange(8, dtype=torch.float64) + 0.5) / 8
    honest = torch.tensor([4.0, -1, -1, -1], dtype=torch.float64)
    drawn = [rule.compress(honest, torch.stack(uniforms))[0].sum() for uniforms in itertools.product(levels, repeat=4)]
    assert np.mean([float(total) <= 0 for total in drawn]) == pytest.approx(0.684, abs=5e-4)
