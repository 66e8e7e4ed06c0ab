"""Laws of partitions, for every member."""

import numpy as np
import pytest
import torch
from problem_world import generator, member, names

from byzsgd.interfaces import Split
from byzsgd.partitions import class_counts

PARTITIONS = names("partition")


def fit(name):
    """The member, for fewer workers than there are classes."""
    return member("partition", name, *(["per_worker=10"] if name == "labels" else []))


def split(examples=600, classes=10):
    targets = torch.from_numpy(generator(5, "targets").integers(classes, size=examples))
    groups = torch.from_numpy(generator(5, "groups").integers(40, size=examples))
    return Split(torch.zeros(examples, 2), targets, groups)


@pytest.mark.parametrize(("name", "num_workers"), [(name, 7) for name in PARTITIONS] +
                         [(name, 1) for name in PARTITIONS if name != "class_groups"])  # fmt: skip
def test_disjoint_and_nothing_lost(name, num_workers):
    blocks = fit(name)(split(), num_workers, generator(0))
    assert len(blocks) == num_workers and all(len(block) > 0 for block in blocks)
    assert np.array_equal(np.sort(np.concatenate(blocks)), np.arange(600))


@pytest.mark.parametrize("name", PARTITIONS)
def test_a_function_of_the_generator_alone(name):
    partition = fit(name)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    one, same = (partition(split(), 6, generator(3)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert torch.equal(torch.get_rng_state(), torch_state) and np.array_equal(np.random.get_state()[1], numpy_state)


@pytest.mark.parametrize("name", PARTITIONS)
def test_more_workers_than_examples_are_refused(name):
    with pytest.raises(ValueError, match=r"partition \w+ needs"):
        member("partition", name)(split(5), 6, generator(0))


def test_groups_have_no_class_in_common_and_are_alike_within():
    shared = shares("class_groups", "groups=2")
    assert (shared[:5, 5:] == 0).all() and (shared[5:, :5] == 0).all()
    assert np.abs(shared[:5, :5] - 0.2).max() < 0.05
    with pytest.raises(ValueError, match="1 <= groups <= classes and workers; got groups=2"):
        member("partition", "class_groups")(split(), 1, generator(0))


def test_iid_is_even():
    sizes = [len(block) for block in member("partition", "iid")(split(), 7, generator(0))]
    assert sorted(sizes) == [85, 85, 86, 86, 86, 86, 86]
    assert not np.array_equal(*(member("partition", "iid")(split(), 7, generator(seed))[0] for seed in (0, 1)))


@pytest.mark.parametrize("name", ["iid", "extreme", "gamma_similarity"])
@pytest.mark.parametrize("examples", [600, 601, 607, 613])
def test_sizes_differ_by_at_most_one(name, examples):
    sizes = [len(block) for block in member("partition", name)(split(examples), 7, generator(0))]
    assert max(sizes) - min(sizes) <= 1


def shares(name, *overrides, num_workers=10):
    """(n, classes) share of each class in each worker's data."""
    whole = split(6000)
    blocks = member("partition", name, *overrides)(whole, num_workers, generator(0))
    counts = np.stack([np.bincount(whole.targets.numpy()[block], minlength=10) for block in blocks])
    return counts / counts.sum(axis=1, keepdims=True)


def test_dirichlet_goes_from_even_to_one_sided():
    largest = [shares("dirichlet", f"alpha={alpha}").max(axis=1).mean() for alpha in (1000.0, 1.0, 0.1)]
    assert largest[0] < 0.15 < largest[1] < 0.4 < largest[2]


@pytest.mark.parametrize("name", ["dirichlet", "quantity_skew"])
@pytest.mark.parametrize("alpha", [0.0, -1.0, float("inf"), float("nan")])
def test_other_alphas_are_refused(name, alpha):
    with pytest.raises(ValueError, match=f"partition {name} needs 0 < alpha < inf; got alpha="):
        member("partition", name)(split(), 3, generator(0), alpha=alpha)


def test_dirichlet_gives_up_in_one_line_with_the_numbers():
    with pytest.raises(ValueError, match=r"at least one example for every worker; got empty=\d+, num_workers=300.*alp"):
        member("partition", "dirichlet", "alpha=0.01")(split(600), 300, generator(0))


@pytest.mark.parametrize("name", ["dirichlet", "extreme", "gamma_similarity", "shards"])
def test_classes_are_asked_for_where_needed(name):
    real = Split(torch.zeros(50, 2), torch.zeros(50, 1))
    with pytest.raises(ValueError, match=f"partition {name} needs a dataset with classes"):
        member("partition", name)(real, 3, generator(0))


def kinds(name, *overrides, num_workers=10):
    return (shares(name, *overrides, num_workers=num_workers) > 0).sum(axis=1)


def test_extreme_gives_each_worker_as_few_classes_as_can_be():
    assert kinds("extreme").max() <= 3 and kinds("extreme").sum() <= 10 + 10  # 10 classes, 9 borders, one to spare
    blocks = member("partition", "extreme")(split(), 10, generator(0))
    labels = split().targets.numpy()
    ranges = [(labels[block].min(), labels[block].max()) for block in blocks]
    assert all(one[1] <= other[0] for one, other in zip(ranges, ranges[1:], strict=False))


def test_gamma_goes_from_extreme_to_iid():
    assert np.allclose(shares("gamma_similarity", "gamma=0.0"), shares("extreme"), atol=0.02)
    assert shares("gamma_similarity", "gamma=1.0").max() < 0.15
    half = shares("gamma_similarity", "gamma=0.5").max(axis=1)
    assert half.min() > 0.4 and half.max() < 0.7
    with pytest.raises(ValueError, match="partition gamma_similarity needs 0 <= gamma <= 1; got gamma=1.5"):
        member("partition", "gamma_similarity")(split(), 3, generator(0), gamma=1.5)


def test_shards_give_a_few_classes_each():
    assert kinds("shards").max() <= 4 and kinds("shards", "per_worker=1").max() <= 3
    assert kinds("shards").mean() < kinds("shards", "per_worker=5").mean()
    with pytest.raises(ValueError, match="partition shards needs no more shards than examples; got shards=30, exam"):
        member("partition", "shards")(split(20), 10, generator(0), per_worker=3)


def test_quantity_skew_is_uneven_in_size_and_even_in_classes():
    even, uneven = (
        [len(block) for block in member("partition", "quantity_skew", f"alpha={alpha}")(split(6000), 10, generator(0))]
        for alpha in (1000.0, 0.2)
    )
    assert max(even) < 1.3 * min(even) and max(uneven) > 20 * min(uneven)
    assert shares("quantity_skew", "alpha=10.0").max() < 0.2


def test_writers_stay_together():
    whole = split()
    blocks = member("partition", "by_writer")(whole, 7, generator(0))
    owners = [set(whole.groups.numpy()[block]) for block in blocks]
    assert sum(map(len, owners)) == 40 and set().union(*owners) == set(range(40))
    sizes = [len(block) for block in blocks]
    assert max(sizes) - min(sizes) <= np.bincount(whole.groups.numpy()).max()
    with pytest.raises(ValueError, match="partition by_writer needs as many writers as workers; got writers=40, num"):
        member("partition", "by_writer")(whole, 41, generator(0))
    with pytest.raises(ValueError, match="partition by_writer needs a dataset that knows its writers"):
        member("partition", "by_writer")(Split(whole.inputs, whole.targets), 2, generator(0))


def test_class_counts_by_hand():
    whole = Split(torch.zeros(6, 1), torch.tensor([0, 0, 1, 3, 3, 3]))
    table = class_counts(whole, [np.array([0, 2, 3]), np.array([1, 4, 5])], 5)
    assert table.tolist() == [[1, 1, 0, 1, 0], [1, 0, 0, 2, 0]]


def test_labels_are_dealt_in_turn_and_each_is_split_evenly():
    whole = split(6000)
    for per_worker, num_workers in ((1, 31), (2, 31), (3, 10)):
        blocks = member("partition", "labels", f"per_worker={per_worker}")(whole, num_workers, generator(0))
        counts = np.stack([np.bincount(whole.targets.numpy()[block], minlength=10) for block in blocks])
        for worker, own in enumerate(counts):
            assert set(np.flatnonzero(own)) == {(worker * per_worker + i) % 10 for i in range(per_worker)}
        for label in range(10):
            held = counts[:, label][counts[:, label] > 0]
            assert held.max() - held.min() <= 1
            assert held.sum() == (whole.targets == label).sum()
