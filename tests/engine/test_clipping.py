"""Sums of clipped per-example gradients, and batches that are whole blocks."""

import pytest
import torch
from test_agreement import assert_same, played
from thinning import one_in

from byzsgd import experiment
from byzsgd.interfaces import Batch, BatchKey, ClippedSum, Job, Task

WHOLE = ("worker.sampling=full", "batch_size=null", "partition=shards")


@pytest.mark.parametrize("engine", ["loop", "fused", "vmap"])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("mean", [False, True])
def test_every_example_is_clipped_by_itself(engine, order, mean):
    prepared = experiment("dtype=float64", f"engine={engine}", "batch_size=45", "num_byzantine=0").prepare()
    params, key = prepared.initial, BatchKey(0, 3)
    batch = prepared.batches.batch(key)
    gradients = [
        prepared.problem.gradient(params, Batch(inputs[None], targets[None], batch.num_classes))
        for inputs, targets in zip(batch.inputs, batch.targets, strict=True)
    ]
    sizes = [float(torch.linalg.vector_norm(gradient, order)) for gradient in gradients]
    clip = sorted(sizes)[20]  # of 45: some are clipped, some are not
    expected = sum(gradient * min(1.0, clip / size) for gradient, size in zip(gradients, sizes, strict=True))
    work = ClippedSum(0, key, clip, order, mean)
    (found,) = prepared.engine.results([Task(Job(0, 3, 0, 0.0, 1.0), work, (params,))])
    torch.testing.assert_close(found[0], expected / 45 if mean else expected, rtol=1e-10, atol=1e-12)


def test_a_whole_block_is_a_batch_in_stored_order():
    prepared = experiment(*WHOLE).prepare()
    for worker, block in enumerate(prepared.blocks):
        for serial in (0, 5):
            assert prepared.batches.indices(BatchKey(worker, serial)).tolist() == block.tolist()
            assert prepared.batches.size(BatchKey(worker, serial)) == len(block)


@pytest.mark.parametrize("engine", one_in(2, ["vmap", "fused"]))
@pytest.mark.parametrize("worker", ["gradient", "local_steps", "private"])
def test_blocks_of_different_sizes_share_no_call(engine, worker):
    words = ("aggregator=asgd", "optimizer.lr=.02", f"worker={worker}", *WHOLE[:2], "partition=quantity_skew")
    assert len({len(block) for block in experiment(*words).prepare().blocks}) > 3
    assert_same(played("loop", 40, *words), played(engine, 40, *words))
