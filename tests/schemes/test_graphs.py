"""Graphs and mixing weights: what every member keeps, the published spectral gaps, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from byzsgd import graphs
from byzsgd.graphs.edges import is_connected
from byzsgd.schemes import mixing

MEMBERS = {
    "ring": (graphs.ring(), 8),
    "torus": (graphs.torus(rows=3), 9),
    "exponential": (graphs.exponential(), 8),
    "complete": (graphs.complete(), 8),
    "star": (graphs.star(), 6),
    "chain": (graphs.chain(), 5),
    "dumbbell": (graphs.dumbbell(), 10),
    "erdos_renyi": (graphs.erdos_renyi(probability=0.3, seed=1), 12),
    "matching": (graphs.matching(), 8),
    "sunlet": (graphs.sunlet(ring=5), 16),
    "barbell": (graphs.barbell(clique=5), 12),
}
# ρ with Metropolis weights; the ring by its formula.
RHO = {
    "ring": 1 / 3 + 2 / 3 * math.cos(2 * math.pi / 8),
    "torus": 0.4,
    "exponential": 1 / 3,
    "complete": 0.0,
    "star": 0.833333,
    "chain": 0.872678,
    "dumbbell": 0.950260,
}
every_member = pytest.mark.parametrize("name", MEMBERS)


def adjacency(name):
    graph, n = MEMBERS[name]
    return graph(n, np.random.default_rng(3))


@every_member
def test_neighbours_are_mutual_and_nobody_is_his_own(name):
    found = adjacency(name)
    assert found.dtype == bool
    assert (found == found.T).all()
    assert not found.diagonal().any()
    assert is_connected(found) == (name != "matching")


@every_member
@pytest.mark.parametrize("weigh", [mixing.metropolis, mixing.max_degree, mixing.uniform], ids=lambda f: f.__name__)
def test_weights_are_symmetric_sum_to_one_and_lie_on_edges(name, weigh):
    found = adjacency(name)
    degrees = found.sum(1)
    if weigh is mixing.uniform and degrees.min() != degrees.max():
        with pytest.raises(ValueError, match="uniform mixing needs a graph of equal degrees"):
            weigh(found)
        return
    weights = weigh(found)
    np.testing.assert_allclose(weights, weights.T, rtol=0, atol=0)
    np.testing.assert_allclose(weights.sum(1), 1.0, rtol=0, atol=1e-15)
    assert (weights >= 0).all()
    assert ((weights > 0) & ~np.eye(len(weights), dtype=bool) == found).all()


@pytest.mark.parametrize("name", RHO)
def test_the_spectral_gap_is_the_published_one(name):
    weights = mixing.metropolis(adjacency(name))
    assert mixing.spectral_gap(weights) == pytest.approx(1 - RHO[name], abs=1e-6)


@pytest.mark.parametrize("name", ["ring", "torus", "exponential", "dumbbell"])
def test_an_exchange_contracts_at_the_rate_rho_and_no_slower(name):
    weights, rho = mixing.metropolis(adjacency(name)), RHO[name]
    models = np.random.default_rng(0).normal(size=(len(weights), 3))
    mean, before = models.mean(0), np.linalg.norm(models - models.mean(0))
    for power in range(1, 16):
        models = weights @ models
        assert np.linalg.norm(models - mean) <= (rho + 1e-6) ** power * before * (1 + 1e-9)
        np.testing.assert_allclose(models.mean(0), mean, rtol=0, atol=1e-14)
    slower = np.linalg.norm(weights @ models - mean) / np.linalg.norm(models - mean)
    assert slower == pytest.approx(rho, abs=2e-2)  # tight in the end


def test_the_ring_of_eight_lies_on_the_border_of_d2():
    assert mixing.least_eigenvalue(mixing.metropolis(graphs.ring()(8))) == pytest.approx(-1 / 3, abs=1e-12)


def test_small_graphs():
    assert not graphs.ring()(1).any()
    assert graphs.ring()(2).sum() == 2  # one edge
    assert graphs.exponential()(8).sum(1).tolist() == [5] * 8
    assert graphs.torus(rows=2)(4).sum(1).tolist() == [2] * 4  # neighbours on both sides are one node
    assert graphs.dumbbell()(10).sum(1).tolist() == [5, 4, 4, 4, 4] * 2
    assert graphs.sunlet(ring=5)(16).sum(1).tolist() == [5, 4, 4, 4, 4] + [1] * 11
    assert np.flatnonzero(graphs.sunlet(ring=5)(16)[0]).tolist() == [1, 4, 5, 10, 15]
    assert graphs.barbell(clique=5)(12).sum(1).tolist() == [5, 4, 4, 4, 4, 4, 4, 4, 4, 5, 3, 1]
    assert np.flatnonzero(graphs.barbell(clique=5)(12)[10]).tolist() == [0, 9, 11]


def test_discounted_weights_are_missing_at_both_ends_of_an_edge_and_nowhere_else():
    """On the bridge of He et al. (2022) δ_max = share/4: the liar on the leaf, node 11, is worth share/4 to node 10,
    whose weights for the cliques stay 1/6."""
    whole = mixing.metropolis(found := graphs.barbell(clique=5)(12))
    for share in (0.0, 0.25, 1.0):
        weights = mixing.discounted(found, nodes=[11], share=share)
        assert weights[10, 11] == weights[11, 10] == pytest.approx(share / 4, abs=1e-15)
        assert weights[10, [0, 9]].tolist() == pytest.approx([1 / 6, 1 / 6])
        assert weights[10, 10] == pytest.approx(1 - 1 / 3 - share / 4)
        assert weights[11, 11] == pytest.approx(1 - share / 4)
        np.testing.assert_array_equal(weights[:10, :10], whole[:10, :10])
        np.testing.assert_allclose(weights.sum(1), 1.0, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("nodes", "share", "said"),
    [([11], 1.5, "0 <= share <= 1; got share=1.5"), ([12], 0.5, "nodes in 0 … 11; got nodes=[12]")],
)
def test_impossible_discounts_are_refused(nodes, share, said):
    with pytest.raises(ValueError, match="discounted mixing needs") as refused:
        mixing.discounted(graphs.barbell(clique=5)(12), nodes=nodes, share=share)
    assert said in str(refused.value)


def test_a_file_lists_edges_and_its_mistakes_are_told_by_line(tmp_path):
    path = tmp_path / "edges.txt"
    path.write_text("# a triangle and a tail\n0 1\n1 2 # the second\n2 0\n\n2 3\n")
    assert graphs.file(path=str(path))(4).sum(1).tolist() == [2, 2, 3, 1]
    path.write_text("0 1\n1 4\n")
    with pytest.raises(ValueError, match=r"line 2, needs two nodes in 0 … 3; got line=1 4"):
        graphs.file(path=str(path))(4)
    with pytest.raises(ValueError, match="cannot read"):
        graphs.file(path=str(tmp_path / "none"))(4)


def test_random_graphs_are_functions_of_their_generator():
    draw = graphs.erdos_renyi(probability=0.5)
    one, same, other = (draw(10, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()
    matched = graphs.matching()(8, np.random.default_rng(0))
    assert matched.sum(1).tolist() == [1] * 8


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: graphs.torus(rows=3)(8), "that rows divides; got num_workers=8, rows=3"),
        (lambda: graphs.dumbbell()(5), "an even number of nodes; got num_workers=5"),
        (lambda: graphs.matching()(5, np.random.default_rng(0)), "an even number of nodes; got num_workers=5"),
        (lambda: graphs.erdos_renyi(probability=0.0), "0 < probability <= 1; got probability=0.0"),
        (lambda: graphs.erdos_renyi(probability=0.001, seed=0)(30), "a probability at which a connected graph is"),
        (lambda: graphs.erdos_renyi(probability=0.5)(3), "a seed, or a generator"),
        (lambda: graphs.sunlet(ring=2), "ring >= 3; got ring=2"),
        (lambda: graphs.sunlet(ring=5)(4), "at least as many nodes as its ring; got num_workers=4, ring=5"),
        (lambda: graphs.barbell(clique=1), "clique >= 2; got clique=1"),
        (lambda: graphs.barbell(clique=5)(10), "more nodes than its two cliques have; got num_workers=10, clique=5"),
    ],
)
def test_what_a_graph_cannot_be_is_refused(make, said):
    with pytest.raises(ValueError, match="graph") as refused:
        make()
    assert said in str(refused.value)
