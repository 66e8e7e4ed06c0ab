"""Votes, DRACO and DETOX: what liars can do to one round."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from byzsgd.aggregators.rules import krum, median
from byzsgd.codes import detox, draco_cyclic, draco_repetition, vote
from byzsgd.codes.rounds import CodeContext
from byzsgd.kernel.randomness import Streams


def used(code, n, rule=None, sizes=None):
    code.check(n, rule)
    return code.use(CodeContext(sizes or (1,) * n, Streams(0).generator, rule))


def sent(code, gradients):
    """By worker, what it sends of the (n, d) sums of the parts."""
    mixed = code.coefficients @ gradients
    if np.iscomplexobj(mixed):
        mixed = np.concatenate([mixed.real, mixed.imag], axis=1)
    return {worker: torch.from_numpy(row.copy()) for worker, row in enumerate(mixed)}


def gradients(n, d=4):
    return np.random.default_rng(7).standard_normal((n, d))


def test_a_vote_takes_more_than_half_bit_for_bit():
    a, b, c = np.array([1.0, 2.0]), np.array([1.0, np.nextafter(2.0, 3.0)]), np.array([0.0, 0.0])
    assert np.array_equal(vote([a, b, a.copy()]), a)
    assert vote([a, b, c]) is None
    assert vote([a, b, a, b]) is None
    assert vote([c, -c]) is None  # 0 and −0 are two messages
    nan = torch.tensor([float("nan"), 1.0])
    assert vote(torch.stack([nan, nan, torch.zeros(2)])) is not None


@pytest.mark.parametrize(("n", "f"), [(3, 1), (7, 2), (9, 2), (10, 3), (15, 3), (5, 2), (4, 0)])
def test_the_cyclic_code_finds_every_choice_of_liars(n, f):
    code = used(draco_cyclic(replicas=2 * f + 1), n)
    support = [set(np.flatnonzero(np.abs(row) > 1e-12).tolist()) for row in code.coefficients]
    assert support == [{(worker + k) % n for k in range(2 * f + 1)} for worker in range(n)]
    parts, draws = gradients(n), np.random.default_rng(1)
    honest = sent(code, parts)
    for q in range(f + 1):
        for liars in list(itertools.combinations(range(n), q))[:: 1 if n < 15 else 7]:
            lied = dict(honest)
            for number, liar in enumerate(liars):
                scale = (1e6, 1e-3, float("inf"))[(number + sum(liars)) % 3]
                lied[liar] = honest[liar] + scale * torch.from_numpy(draws.standard_normal(8))
            found = code.decoded(lied, 5)
            np.testing.assert_allclose(found.direction, parts.mean(0), rtol=0, atol=1e-9)


def test_the_cyclic_code_ends_a_round_once_n_minus_f_messages_agree():
    code, parts = used(draco_cyclic(replicas=5), 9), gradients(9)
    honest = sent(code, parts)
    first = {worker: honest[worker] for worker in range(7)}
    assert code.decoded({worker: honest[worker] for worker in range(6)}, 0) is None
    np.testing.assert_allclose(code.decoded(first, 0).direction, parts.mean(0), atol=1e-12)
    first[3] = first[3] + 1.0  # a lie among them: the rest must be waited for
    assert code.decoded(first, 0) is None
    found = code.decoded({**first, 7: honest[7], 8: honest[8]}, 0)
    np.testing.assert_allclose(found.direction, parts.mean(0), atol=1e-12)


def test_more_lies_than_the_cyclic_code_finds_leave_no_direction():
    code = used(draco_cyclic(replicas=3), 7)
    lied = {worker: row + (worker < 2) for worker, row in sent(code, gradients(7)).items()}
    found = code.decoded(lied, 0)
    assert found.direction is None
    assert found.left_out == 1


@pytest.mark.parametrize("f", [0, 1, 2])
def test_repetition_is_what_it_is_without_liars_to_the_bit(f):
    n = 3 * (2 * f + 1)
    code = used(draco_repetition(replicas=2 * f + 1), n, sizes=tuple(range(1, n + 1)))
    honest = sent(code, gradients(n))
    clean = code.decoded(honest, 0)
    for liars in itertools.combinations(range(n), f):
        lied = {worker: torch.full((4,), 9.0) if worker in liars else row for worker, row in honest.items()}
        found = code.decoded(lied, 0)
        assert torch.equal(found.direction, clean.direction)
        assert found.left_out == 0
    np.testing.assert_allclose(clean.direction, gradients(n).sum(0) / (n * (n + 1) / 2), atol=1e-12)


def test_repetition_ends_a_round_with_f_plus_1_equal_messages_of_every_group():
    code = used(draco_repetition(replicas=3), 6)
    honest = sent(code, gradients(6))
    assert code.decoded({worker: honest[worker] for worker in (0, 1, 4)}, 0) is None
    assert code.decoded({worker: honest[worker] for worker in (0, 1, 4, 5)}, 0) is not None
    lied = {**honest, 0: honest[0] + 1}
    assert code.decoded({worker: lied[worker] for worker in (0, 1, 4, 5)}, 0) is None
    assert code.decoded({worker: lied[worker] for worker in (0, 1, 2, 4, 5)}, 0) is not None


def test_a_group_without_majority_is_left_out_and_counted():
    code = used(draco_repetition(replicas=3), 6)
    parts = gradients(6)
    lied = sent(code, parts)
    lied[0], lied[1] = lied[0] + 1, lied[1] + 2
    found = code.decoded(lied, 0)
    assert found.left_out == 1
    np.testing.assert_allclose(found.direction, parts[3:].sum(0) / 3, atol=1e-12)
    lied[3], lied[4] = lied[3] + 1, lied[4] + 2
    assert (code.decoded(lied, 0).direction, code.decoded(lied, 0).left_out) == (None, 2)


def test_replicas_that_differ_by_rounding_agree_on_nothing():
    """What other engines, or another order of sums, would do to DRACO."""
    code = used(draco_repetition(replicas=3), 6)
    rounded = {worker: row * (1 + worker % 3 * 2.0**-52) for worker, row in sent(code, gradients(6)).items()}
    found = code.decoded(rounded, 0)
    assert (found.direction, found.left_out) == (None, 2)


def test_q_liars_win_at_most_every_second_of_their_groups():
    """1907.12205: q = 5, r = 3: at most 2 groups; at random among 45, .433 of the 15 in the mean."""
    code = used(detox(replicas=3, buckets=None), 45, median)
    liars = np.random.default_rng(0).permuted(np.tile(np.arange(45) < 5, (4000, 1)), axis=1)
    won = sum((liars[:, list(group)].sum(1) >= 2).astype(int) for group in code.groups.members)
    assert won.max() == 2
    assert np.mean(won) == pytest.approx(0.433, abs=3 * np.std(won) / 4000**0.5)


def test_detox_gives_the_winners_to_its_rule():
    parts = gradients(9)
    whole = used(detox(replicas=3, buckets=None), 9, median)
    lied = sent(whole, parts)
    lied[0] = lied[1] = torch.full((4,), 100.0)  # two equal liars of three win their group
    winners = torch.stack([torch.full((4,), 100 / 3), *(torch.from_numpy(parts[k : k + 3].mean(0)) for k in (3, 6))])
    torch.testing.assert_close(whole.decoded(lied, 0).direction, median(winners))
    one = used(detox(replicas=3, buckets=1), 9, median)
    torch.testing.assert_close(one.decoded(lied, 0).direction, winners.mean(0))
    two = used(detox(replicas=3, buckets=2), 9, median)
    met = {tuple(two.decoded(lied, number).direction.round(decimals=6).tolist()) for number in range(30)}
    assert len(met) == 3  # which winner stands alone is drawn anew in every round


@pytest.mark.parametrize(
    ("code", "n", "rule", "needs"),
    [
        (draco_repetition(replicas=3), 10, None, "draco_repetition needs replicas to divide"),
        (draco_repetition(replicas=4), 8, None, "draco_repetition needs an odd number of replicas"),
        (draco_repetition(replicas=3), 9, median, "needs no rule, since it decodes the mean"),
        (draco_cyclic(replicas=11), 9, None, "replicas <= num_workers"),
        (detox(replicas=3, buckets=None), 9, None, r"detox needs a rule \(scheme/rule=median\)"),
        (detox(replicas=3, buckets=4), 9, median, "1 <= buckets <= num_workers / replicas; got buckets=4, groups=3"),
        (detox(replicas=3, buckets=None), 9, lambda rows: krum(rows, f=1), None),
    ],
)
def test_codes_that_cannot_be_are_refused(code, n, rule, needs):
    if needs is None:
        code.check(n, rule)  # a plain callable has no condition
        return
    with pytest.raises(ValueError, match=needs):
        code.check(n, rule)


def test_the_condition_of_the_rule_is_known_before_the_run():
    import functools

    with pytest.raises(ValueError, match="krum needs"):
        detox(replicas=3, buckets=None).check(9, functools.partial(krum, f=1))
    detox(replicas=3, buckets=None).check(15, functools.partial(krum, f=1))
