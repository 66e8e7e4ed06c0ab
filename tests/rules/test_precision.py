"""Large common parts, long searches, sorting networks."""

import itertools

import numpy as np
import pytest
import torch
import twins

from byzsgd.aggregators import preaggregators, rules
from byzsgd.aggregators.rules.numerics import ordering
from byzsgd.aggregators.rules.numerics.distances import Distances
from byzsgd.aggregators.rules.numerics.subsets import cover


def test_krum_and_nnm_see_the_spread_under_a_common_part_a_thousand_times_larger():
    rng = np.random.default_rng(0)
    for seed in range(2):
        x = torch.tensor(rng.normal(size=(50, 1000)) + 1000 * rng.normal(size=1000)).float()
        exact = x.double().numpy()
        assert np.array_equal(rules.krum(x, f=10).numpy(), twins.krum(exact, f=10).astype(np.float32)), seed
        mixed = preaggregators.nnm(x, f=10).double().numpy()
        assert np.abs(mixed - twins.nnm(exact, f=10)).max() < 0.01


def test_krum_finds_the_two_closest_of_two_far_clusters():
    """Pairs close together but far from any one centre are measured from nearer."""
    rng = np.random.default_rng(1)
    for where in (1e3, 1e6, 1e9):
        x = rng.normal(size=(23, 40))
        x[:11] = where + rng.normal(size=(11, 40)) * 1e-3
        for rule, twin in ((rules.krum, twins.krum), (rules.multi_krum, twins.multi_krum)):
            np.testing.assert_allclose(rule(torch.tensor(x), f=10).numpy(), twin(x, f=10), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("k", [1, 2, 3, 6, 7, 16, 25, 33, 64])
def test_the_network_sorts_what_is_asked_for(k):
    """0-1 principle: a network of comparators that sorts zeros and ones sorts everything."""
    zeros_ones = (
        np.array(list(itertools.product([0.0, 1.0], repeat=k))).T
        if k <= 7
        else (np.random.default_rng(k).random((k, 3000)) < np.linspace(0, 1, 3000)).astype(float)
    )
    x = torch.tensor(np.ascontiguousarray(zeros_ones))
    wanted = np.sort(zeros_ones, axis=0)
    for place in range(k):
        got = ordering.by_coordinate(x, lambda s, p=place: s[p], frozenset({place}), ordering.NOTHING)
        np.testing.assert_array_equal(got.numpy(), wanted[place])
    inner = ordering.span(k // 4, k - k // 4)
    got = ordering.by_coordinate(x, lambda s: ordering.total([s[i] for i in sorted(inner)]), ordering.NOTHING, inner)
    np.testing.assert_array_equal(got.numpy(), wanted[k // 4 : k - k // 4].sum(axis=0))


def test_blocks_of_columns_fit_together():
    x = torch.randn(9, 2 * ordering.NETWORK_COLUMNS + 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rules.median(x), x.sort(dim=0).values[4])
    many = torch.randn(71, 2 * ordering.SORT_COLUMNS + 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rules.median(many), many.sort(dim=0).values[35])


def test_a_vertex_cover_is_found_exactly_when_there_is_one():
    rng = np.random.default_rng(2)
    for _ in range(300):
        k = int(rng.integers(1, 9))
        edges = [pair for pair in itertools.combinations(range(k), 2) if rng.random() < rng.random()]
        conflicts = {i: {a + b - i for a, b in edges if i in (a, b)} for i in range(k)}
        conflicts = {i: others for i, others in conflicts.items() if others}
        least = min(
            n for n in range(k + 1) for s in itertools.combinations(range(k), n) if all(set(e) & set(s) for e in edges)
        )
        assert [cover(conflicts, budget) for budget in range(k + 1)] == [budget >= least for budget in range(k + 1)]


@pytest.mark.parametrize("name", ["mda", "mva", "smea"])
def test_subset_rules_answer_or_say_beforehand_that_they_will_not(name):
    rule = getattr(rules, name)
    x = torch.tensor(np.random.default_rng(3).normal(size=(20, 300)))
    assert torch.isfinite(rule(x, f=4)).all()
    far = torch.tensor(np.random.default_rng(4).normal(size=(60, 300)))
    far[:20] *= 1e4
    assert torch.allclose(rule(far, f=20), far[20:].mean(dim=0))
    near = torch.tensor(np.random.default_rng(5).normal(size=(60, 300)))
    if name != "mda":
        with pytest.raises(
            ValueError, match=rf"{name} needs at most \d+ subsets to compare; got rows=60, f=20, subsets=\d+"
        ):
            rule(near, f=20)


def test_mda_agrees_with_listing_on_ties_that_many_subsets_share():
    rng = np.random.default_rng(6)
    for f in (2, 3, 4):
        for _ in range(8):
            x = rng.integers(-2, 3, (9, 2)).astype(float)
            np.testing.assert_allclose(rules.mda(torch.tensor(x), f=f).numpy(), twins.mda(x, f=f), atol=1e-12)


def test_weiszfeld_steps_that_land_on_a_row_are_measured_directly():
    """The distance to that row is the small difference of large terms in the inner products."""
    weights = np.array([3.0, 10, 1, 1, 1, 1, 1, 1, 0.5])
    given = {"steps": 3, "smoothing": 1e-12}
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=(9, 5))
        got = rules.weighted_geometric_median(torch.tensor(x), torch.tensor(weights), **given).numpy()
        wanted = twins.weighted_geometric_median(x, weights, **given)
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("width", [1e-15, 1e-12, 1e-10, 1e-8])
def test_near_copies_hold_the_geometric_median_no_more_than_exact_ones(width):
    rng = np.random.default_rng(3)
    for k, copies in ((7, 2), (9, 3), (11, 3), (15, 2), (40, 12)):
        x = rng.normal(size=(k, 20))
        x[:copies] = x.mean(axis=0) + 0.8
        wanted = rules.geometric_median(torch.tensor(x)).numpy()
        totals = np.linalg.norm(x - x[:, None], axis=2).sum(axis=1)
        assert totals[0] == totals.min()
        assert np.linalg.norm(x[0] - wanted) > 0.01
        x[:copies] += width * rng.normal(size=(copies, 20))
        got = rules.geometric_median(torch.tensor(x)).numpy()
        np.testing.assert_allclose(got, wanted, rtol=0, atol=max(1e-7, 100 * width))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("k", "d", "common"), [(2, 100, 0.0), (9, 8192, 3.0), (9, 5000, 30.0), (30, 8192, 1.0)])
def test_squared_distances_are_wrong_by_no_more_than_their_bound(dtype, k, d, common):
    for seed in range(2):
        rows = torch.tensor(np.random.default_rng(seed).normal(size=(k, d)) + common).to(dtype)
        exact = rows.numpy().astype(np.longdouble)
        expected = np.stack([((exact - row) ** 2).sum(axis=1) for row in exact])
        measured = Distances(rows)
        assert not measured.exact.any()  # else nothing is said of the bound
        assert (np.abs(measured.squared - expected) <= measured.error).all()
        assert (measured.error <= 1e-5 * expected).all()


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_a_tie_goes_to_the_smaller_row_whatever_the_order(order):
    """Four corners of a square: every one has the same distances."""
    rows = torch.tensor([[0.0, 1.0], [0.0, -1.0], [1.0, 0.0], [-1.0, 0.0]])[list(order)]
    assert rules.krum(rows, f=0).tolist() == [-1.0, 0.0]
