"""The tree of CodedReduce: who holds what, and the sum for every pattern of stragglers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from byzsgd.codes import auto, decode, tree
from byzsgd.codes.tree import ROOT

SHAPES = [(3, 2, 1), (4, 2, 1), (4, 2, 2), (3, 3, 1)]


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "workers", "load"),
    [((3, 2, 1), 12, 4 / 15), ((4, 2, 1), 20, 1 / 6), ((12, 2, 0), 156, 1 / 156), ((12, 2, 1), 156, 0.0238095),
     ((12, 2, 2), 156, 0.05), ((12, 2, 3), 156, 0.083333), ((4, 3, 1), 84, 0.0714286), ((9, 2, 0), 90, 1 / 90),
     ((6, 1, 2), 6, 0.5)],
)  # fmt: skip
def test_loads_of_the_paper(shape, workers, load):
    """1902.01981: r = 1/Σ (n/(s+1))^l; one layer is gradient coding, (s+1)/n; s = 0 the plain tree, 1/N."""
    made = tree(*shape)
    assert made.num_workers == workers
    assert made.load == pytest.approx(load, abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "least"),
    [((3, 2, 1), 15), ((4, 2, 1), 12), ((4, 2, 2), 28), ((12, 2, 1), 84), ((12, 2, 3), 48), ((4, 3, 1), 28)],
)
def test_least_numbers_of_examples(shape, least):
    made = tree(*shape)
    assert made.least_examples == least
    for examples in range(1, 2 * least + 1):
        if examples % least:
            with pytest.raises(ValueError, match=f"the next one is {-(-examples // least) * least}"):
                made.allocate(examples, rng())
        else:
            shares = made.allocate(examples, rng())
            assert {len(numbers) for numbers, _ in shares} == {round(made.load * examples)}
            assert all(len(set(numbers.tolist())) == len(numbers) == len(weights) for numbers, weights in shares)


def test_ids_are_breadth_first():
    made = tree(3, 3, 1)
    assert list(made.children_of(ROOT)) == [0, 1, 2]
    assert list(made.children_of(0)) == [3, 4, 5]
    assert list(made.children_of(11)) == [36, 37, 38]
    assert list(made.children_of(12)) == []
    for node in range(ROOT, made.num_workers):
        assert all(made.parent(child) == node for child in made.children_of(node))


def reduced(made, matrix, shares, gradients, lost, node=ROOT):
    """What `node` sends up, where of the children of each parent those in `lost` are not waited for."""
    own = 0.0 if node == ROOT else shares[node][1] @ gradients[shares[node][0]]
    children = made.children_of(node)
    if not children:
        return own
    kept = [child for child in range(made.children) if child not in lost[node]]
    sent = [reduced(made, matrix, shares, gradients, lost, children[child]) for child in kept]
    return own + decode(matrix, kept) @ np.array(sent)


def patterns(made):
    """Whom every parent loses that is itself waited for."""
    choices = list(itertools.combinations(range(made.children), made.stragglers))
    found = [{ROOT: lost} for lost in choices]
    layer = {ROOT}
    for _ in range(made.layers - 1):
        layer = {child for node in layer for child in made.children_of(node)}
        grown = []
        for pattern in found:
            kept = [node for node in sorted(layer)
                    if made.parent(node) in pattern and node - made.children_of(made.parent(node)).start
                    not in pattern[made.parent(node)]]  # fmt: skip
            grown += [pattern | dict(zip(kept, each, strict=True))
                      for each in itertools.product(choices, repeat=len(kept))]  # fmt: skip
        found = grown
    return found


@pytest.mark.parametrize(("shape", "count"), list(zip(SHAPES, [27, 256, 216, 2187], strict=True)))
def test_every_pattern_of_stragglers_gives_the_sum(shape, count):
    made = tree(*shape)
    matrix = auto(stragglers=made.stragglers).matrix(made.children, rng())
    shares = made.allocate(made.least_examples, rng(), matrix)
    gradients = np.random.default_rng(1).standard_normal((made.least_examples, 2))
    met = patterns(made)
    assert len(met) == count
    for lost in met:
        np.testing.assert_allclose(reduced(made, matrix, shares, gradients, lost), gradients.sum(0), atol=1e-12)


@pytest.mark.parametrize("shape", [(0, 1, 0), (3, 0, 0), (3, 2, 3), (3, 2, -1)])
def test_trees_that_cannot_be_are_refused(shape):
    with pytest.raises(ValueError, match="^tree needs "):
        tree(*shape)
