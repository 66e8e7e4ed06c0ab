"""Compiled gradients on the general path: autograd is the oracle of every job, the engine `fused` of whole runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

pytest.importorskip("numba")

import byzsgd  # noqa: E402
from byzsgd.interfaces import Task  # noqa: E402
from byzsgd.kernel.compiled.engine import compiled_gradients  # noqa: E402
from byzsgd.kernel.compiled.plan import chain_of  # noqa: E402
from byzsgd.kernel.engine.batches import Batches  # noqa: E402
from byzsgd.kernel.randomness import Streams  # noqa: E402
from byzsgd.run.engine_path import SHORT  # noqa: E402

SMALL = ("num_workers=7", "num_byzantine=2", "f=2", "batch_size=7", "attack=label_flip", "engine=loop")
JOBS = [
    (),
    ("worker=momentum", "worker.sampling=shuffle"),
    ("worker=storm",),
    ("worker=local_steps",),
    ("worker=private",),
    ("worker.sampling=full", "batch_size=null", "partition=dirichlet"),
    ("dataset=least_squares", "attack=none"),
    ("model=mlp", "model.widths=[9,8]", "model.activation=elu", "attack=none"),
]


def engines(prepared, batches=None):
    """Autograd and compiled code for the same problem."""
    now = prepared.engine if batches is None else replace(prepared.engine, batches=batches)
    layers = chain_of(prepared.problem, now.batches.batch_size)
    return now, compiled_gradients(layers, prepared.problem, now.batches, now.poisons, 3, now.ahead)


def assert_same_jobs(prepared, tolerance, batches=None):
    """Every worker's first jobs, at models of their own."""
    world = prepared.begin(prepared.initial.clone())
    drawn = torch.Generator().manual_seed(5)
    tasks = []
    for task in (pending.task(world.models) for pending in world.pending.values()):
        models = [params + 0.1 * torch.randn(params.shape, generator=drawn).to(params.dtype) for params in task.params]
        tasks.append(Task(task.job, task.work, tuple(models)))
    expected, found = (each.results(tasks) for each in engines(prepared, batches))
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape and one.dtype == other.dtype
        assert float((one - other).abs().max()) <= tolerance * float(other.abs().max())
    addresses = {one.untyped_storage().data_ptr() for one in found}
    assert len(addresses) == len(found)  # a remembered row keeps no other alive


@pytest.mark.parametrize("overrides", JOBS, ids=" ".join)
def test_jobs_of_every_kind_are_autograds(overrides):
    assert_same_jobs(byzsgd.experiment(*SMALL, "dtype=float64", *overrides).prepare(), 1e-12)


def test_jobs_in_single_precision_are_autograds():
    assert_same_jobs(byzsgd.experiment(*SMALL, "dtype=float32").prepare(), 1e-5)


def test_augmented_batches_are_those_that_the_worker_sees():
    prepared = byzsgd.experiment(*SMALL, "dtype=float64").prepare()
    data = replace(prepared.problem.data, augment=lambda inputs, drawn: inputs * drawn.uniform())
    batches = Batches(data, prepared.blocks, Streams(0), 7)
    assert_same_jobs(prepared, 1e-12, batches)


RUN = ("num_workers=7", "num_byzantine=2", "f=2", "batch_size=4", "dtype=float64", "model=mlp", "model.widths=[9]",
       "model.activation=tanh", f"budget.arrivals={SHORT + 60}", "eval_every=1000")  # fmt: skip


@pytest.mark.parametrize(
    "overrides",
    [
        ("attack=label_flip", "aggregator=kardam"),
        ("delay=d1", "attack=lie"),
        ("scheme=d_psgd", "scheme/graph=ring", "attack=none", "num_byzantine=0"),
    ],
    ids=" ".join,
)
def test_whole_runs_have_the_same_columns(overrides):
    runs = [byzsgd.experiment(*RUN, *overrides, f"engine={engine}").run() for engine in ("auto", "fused")]
    assert runs[0].info["engine"].startswith(f"compiled gradients after {SHORT} arrivals (numba ")
    one, other = (run.arrivals for run in runs)
    assert one[:SHORT].equals(other[:SHORT])
    assert one.columns == other.columns and len(one) == len(other) == SHORT + 60
    for name in one.columns:
        if one[name].dtype == pl.Float64:
            assert one[name].is_null().equals(other[name].is_null()), name
            np.testing.assert_allclose(one[name].to_numpy(), other[name].to_numpy(), rtol=1e-9, err_msg=name)
        else:
            assert one[name].equals(other[name]), name
