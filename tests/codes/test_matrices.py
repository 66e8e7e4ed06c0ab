"""Codes against stragglers: hand-computed matrices, loads, and the sum out of every set of survivors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from byzsgd.codes import auto, cyclic, cyclic_mds, decode, fractional_repetition

SIZES = [(n, s) for n in range(1, 9) for s in range(min(n, 4))]


def rng(seed=0):
    return np.random.default_rng(seed)


def fits(kind, n, s):
    if kind is fractional_repetition:
        return n % (s + 1) == 0
    return kind is not cyclic_mds or s == 0 or (n - s) % 2 == 1


CASES = [
    pytest.param(kind, n, s, id=f"{kind.__name__}-{n}-{s}")
    for kind in (fractional_repetition, cyclic, cyclic_mds, auto)
    for n, s in SIZES
    if fits(kind, n, s)
]


@pytest.mark.parametrize(("kind", "n", "s"), CASES)
def test_every_set_of_survivors_gives_the_sum_of_all_parts(kind, n, s):
    matrix = kind(stragglers=s).matrix(n, rng())
    gradients = rng(1).standard_normal((n, 3))
    assert matrix.shape == (n, n)
    assert np.array_equal(np.count_nonzero(matrix, axis=1), np.full(n, s + 1))  # the least load: (s + 1)/n of the data
    for survivors in itertools.combinations(range(n), n - s):
        found = decode(matrix, survivors)
        assert found.shape == (n - s,)
        np.testing.assert_allclose(found @ (matrix[list(survivors)] @ gradients), gradients.sum(0), rtol=0, atol=1e-9)


def test_the_example_of_gradient_coding():
    """Tandon and others (arXiv 1612.03301): n = 3, s = 1."""
    matrix = cyclic.from_parity(np.array([[1.0, 1.0, -2.0]]))
    np.testing.assert_allclose(matrix, [[1, -1, 0], [0, 1, 0.5], [2, 0, 1]])
    np.testing.assert_allclose(decode(matrix, [1, 2]), [1, 0.5])


def test_a_random_code_is_what_its_generator_draws():
    one, other = (cyclic(stragglers=2).matrix(7, rng(seed)) for seed in (3, 3))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, cyclic(stragglers=2).matrix(7, rng(4)))


@pytest.mark.parametrize(
    ("n", "s", "row"),
    [
        (5, 2, [1, (1 + 5**0.5) / 2, 1]),
        (6, 3, [1, 2, 2, 1]),
        (8, 3, [1, 1 + 2**0.5, 1 + 2**0.5, 1]),
        (4, 1, [1, 1]),
        (5, 4, [1] * 5),
    ],
)
def test_cyclic_mds_by_hand(n, s, row):
    matrix = cyclic_mds(stragglers=s).matrix(n)
    for worker in range(n):
        np.testing.assert_allclose(matrix[worker, (worker + np.arange(s + 1)) % n], row, atol=1e-12)


def test_groups_fail_where_a_whole_group_is_lost():
    """3 of the 15 pairs at (6, 1), 2 of the 20 triples at (6, 2)."""
    for s, count in ((1, 3), (2, 2)):
        matrix = fractional_repetition(stragglers=s).matrix(6)
        failed = 0
        for lost in itertools.combinations(range(6), s + 1):
            survivors = [worker for worker in range(6) if worker not in lost]
            try:
                decode(matrix, survivors)
            except ArithmeticError as error:
                assert str(survivors) in str(error)
                failed += 1
        assert failed == count


@pytest.mark.parametrize(
    ("n", "s", "chosen"),
    [
        (6, 2, fractional_repetition),
        (8, 3, fractional_repetition),
        (7, 2, cyclic_mds),
        (8, 2, cyclic),
        (5, 0, fractional_repetition),
    ],
)
def test_auto_takes_the_code_with_the_smallest_coefficients(n, s, chosen):
    assert type(auto(stragglers=s).chosen(n)) is chosen


def test_a_random_code_amplifies_and_a_deterministic_one_does_not():
    def largest(matrix):
        return max(np.abs(decode(matrix, kept)).max() for kept in itertools.combinations(range(12), 9))

    deterministic = largest(cyclic_mds(stragglers=3).matrix(12))
    assert deterministic <= 4.0 + 1e-9
    assert largest(cyclic(stragglers=3).matrix(12, rng())) > 10 * deterministic


@pytest.mark.parametrize(
    ("code", "n", "needs"),
    [
        (
            fractional_repetition(stragglers=2),
            7,
            r"\(stragglers \+ 1\) to divide the number of workers; got stragglers=2",
        ),
        (cyclic_mds(stragglers=2), 6, "num_workers - stragglers odd"),
        (cyclic(stragglers=5), 5, "0 <= stragglers < num_workers; got stragglers=5, num_workers=5"),
        (auto(stragglers=-1), 5, "0 <= stragglers < num_workers"),
    ],
)
def test_codes_that_cannot_be_are_refused(code, n, needs):
    with pytest.raises(ValueError, match=needs):
        code.check(n)
    with pytest.raises(ValueError, match=needs):
        code.matrix(n, rng())


def test_a_parity_matrix_whose_rows_do_not_sum_to_0_is_refused():
    with pytest.raises(ValueError, match="rows sum to 0"):
        cyclic.from_parity(np.array([[1.0, 1.0, 1.0]]))
