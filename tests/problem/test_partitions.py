"""Laws of partitions, for every member."""

import numpy as np
import pytest
import torch
from problem_world import generator, member, names

from byzsgd.interfaces import Split

PARTITIONS = names("partition")


def split(examples=600, classes=10):
    targets = torch.from_numpy(generator(5, "targets").integers(classes, size=examples))
    groups = torch.from_numpy(generator(5, "groups").integers(40, size=examples))
    return Split(torch.zeros(examples, 2), targets, groups)


@pytest.mark.parametrize("name", PARTITIONS)
@pytest.mark.parametrize("num_workers", [1, 7])
def test_disjoint_and_nothing_lost(name, num_workers):
    blocks = member("partition", name)(split(), num_workers, generator(0))
    assert len(blocks) == num_workers and all(len(block) > 0 for block in blocks)
    assert np.array_equal(np.sort(np.concatenate(blocks)), np.arange(600))


@pytest.mark.parametrize("name", PARTITIONS)
def test_a_function_of_the_generator_alone(name):
    partition = member("partition", name)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    one, same = (partition(split(), 6, generator(3)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert torch.equal(torch.get_rng_state(), torch_state) and np.array_equal(np.random.get_state()[1], numpy_state)


@pytest.mark.parametrize("name", PARTITIONS)
def test_more_workers_than_examples_are_refused(name):
    with pytest.raises(ValueError, match=r"partition \w+ needs"):
        member("partition", name)(split(5), 6, generator(0))


def test_iid_is_even():
    sizes = [len(block) for block in member("partition", "iid")(split(), 7, generator(0))]
    assert sorted(sizes) == [85, 85, 86, 86, 86, 86, 86]
    assert not np.array_equal(*(member("partition", "iid")(split(), 7, generator(seed))[0] for seed in (0, 1)))


def shares(name, *overrides, num_workers=10):
    """(n, classes) share of each class in each worker's data."""
    whole = split(6000)
    blocks = member("partition", name, *overrides)(whole, num_workers, generator(0))
    counts = np.stack([np.bincount(whole.targets.numpy()[block], minlength=10) for block in blocks])
    return counts / counts.sum(axis=1, keepdims=True)


def test_dirichlet_goes_from_even_to_one_sided():
    largest = [shares("dirichlet", f"alpha={alpha}").max(axis=1).mean() for alpha in (1000.0, 1.0, 0.1)]
    assert largest[0] < 0.15 < largest[1] < 0.4 < largest[2]


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("inf"), float("nan")])
def test_dirichlet_refuses_other_alphas(alpha):
    with pytest.raises(ValueError, match="partition dirichlet needs 0 < alpha < inf; got alpha="):
        member("partition", "dirichlet")(split(), 3, generator(0), alpha=alpha)


def test_dirichlet_gives_up_in_one_line_with_the_numbers():
    with pytest.raises(ValueError, match=r"at least one example for every worker; got empty=\d+, num_workers=300.*alp"):
        member("partition", "dirichlet", "alpha=0.01")(split(600), 300, generator(0))


def test_classes_are_asked_for_where_needed():
    real = Split(torch.zeros(50, 2), torch.zeros(50, 1))
    with pytest.raises(ValueError, match="partition dirichlet needs a dataset with classes"):
        member("partition", "dirichlet")(real, 3, generator(0))
