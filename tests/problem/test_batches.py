"""Laws of the draws: a batch is a function of (seed, block, serial)."""

import numpy as np
import pytest
import torch

from byzsgd.interfaces import BatchKey, Data, Split
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.randomness import Streams

MODES = ("replacement", "shuffle")


def data(examples=60, augment=None):
    split = Split(torch.arange(examples, dtype=torch.float32).unsqueeze(1), torch.arange(examples) % 3)
    return Data(split, split, split, split, 3, 3, "cross_entropy", augment=augment)


def batches(sampling, batch_size=8, blocks=None, seed=0, **options):
    blocks = [np.arange(0, 20), np.arange(20, 25), np.arange(25, 60)] if blocks is None else blocks
    return Batches(data(**options), blocks, Streams(seed), batch_size, sampling)


@pytest.mark.parametrize("sampling", MODES)
def test_a_batch_does_not_depend_on_what_was_drawn_before(sampling):
    keys = [BatchKey(block, serial) for serial in (0, 3, 17, 200) for block in range(3)]
    forward, backward = batches(sampling), batches(sampling)
    one = {key: forward.indices(key).tolist() for key in keys}
    other = {key: backward.indices(key).tolist() for key in reversed(keys)}
    assert one == other
    assert one != {key: batches(sampling, seed=1).indices(key).tolist() for key in keys}


@pytest.mark.parametrize("sampling", MODES)
def test_a_forgotten_stretch_is_drawn_again_the_same(sampling):
    drawn = batches(sampling)
    first = drawn.indices(BatchKey(0, 0)).tolist()
    for serial in range(0, 16 * 200, 16):
        drawn.indices(BatchKey(2, serial))
    assert drawn.indices(BatchKey(0, 0)).tolist() == first


@pytest.mark.parametrize("sampling", MODES)
@pytest.mark.parametrize("batch_size", [1, 8, 33, 2000])
def test_batches_have_their_size_and_stay_in_their_block(sampling, batch_size):
    drawn = batches(sampling, batch_size)
    for serial in range(20):
        at = drawn.indices(BatchKey(1, serial))
        assert at.shape == (batch_size,) and at.dtype == torch.int64
        assert set(at.tolist()) <= set(range(20, 25))


def test_serials_and_blocks_differ():
    drawn = batches("replacement", blocks=[np.arange(60)] * 2)
    seen = {tuple(drawn.indices(BatchKey(block, serial)).tolist()) for block in range(2) for serial in range(40)}
    assert len(seen) == 80


@pytest.mark.parametrize(("block", "size"), [(0, 20), (1, 5), (2, 35)])
def test_shuffled_batches_are_permutations_one_after_another(block, size):
    drawn = batches("shuffle", 8)
    sequence = torch.cat([drawn.indices(BatchKey(block, serial)) for serial in range(70)]).tolist()
    passes = [sequence[start : start + size] for start in range(0, len(sequence) - size + 1, size)]
    assert len(passes) >= 16
    for one in passes:
        assert len(set(one)) == size
    assert len({tuple(one) for one in passes}) > len(passes) // 2


def test_replacement_is_uniform():
    drawn = batches("replacement", 100, blocks=[np.arange(10, 20)])
    counts = np.bincount(torch.cat([drawn.indices(BatchKey(0, serial)) for serial in range(1000)]).numpy() - 10)
    # 100,000 draws of ten: each count is 10,000 with standard deviation 95
    assert counts.sum() == 100_000 and np.abs(counts - 10_000).max() < 5 * 95


@pytest.mark.parametrize("sampling", MODES)
def test_a_stack_of_batches_is_the_batches(sampling):
    drawn = batches(sampling)
    keys = [BatchKey(0, 3), BatchKey(2, 0), BatchKey(2, 16)]
    stack = drawn.batches(keys)
    assert stack.inputs.shape == (3, 8, 1) and stack.targets.shape == (3, 8) and stack.num_classes == 3
    for row, key in enumerate(keys):
        batch = drawn.batch(key)
        assert torch.equal(stack.inputs[row], batch.inputs) and torch.equal(stack.targets[row], batch.targets)
        assert torch.equal(batch.inputs.squeeze(1).long(), drawn.indices(key))
        assert torch.equal(batch.targets, drawn.indices(key) % 3)


def test_augmentation_is_a_function_of_the_key_and_leaves_the_data_alone():
    def shift(inputs, rng):
        return inputs + float(rng.random())

    drawn = batches("replacement", augment=shift)
    key = BatchKey(0, 5)
    plain = batches("replacement").batch(key).inputs
    moved = drawn.batch(key).inputs
    assert torch.equal(moved, drawn.batches([BatchKey(0, 4), key]).inputs[1])
    offset = moved - plain
    assert 0 < offset[0] < 1 and torch.allclose(offset, offset[0].expand_as(offset), atol=1e-5)
    assert not torch.allclose(offset[0], drawn.batch(BatchKey(0, 6)).inputs[0] - batches("replacement").batch(
        BatchKey(0, 6)).inputs[0])  # fmt: skip
    assert torch.equal(drawn.train.inputs.squeeze(1), torch.arange(60.0))


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="at least one example in every block"):
        batches("replacement", blocks=[np.arange(3), np.arange(0)])
    with pytest.raises(ValueError, match="batch_size needs a value >= 1"):
        batches("replacement", 0)
    with pytest.raises(ValueError, match="sampling replacement, shuffle or full"):
        batches("sorted")
