"""The arrays of a stretch, made for a run and filled from a world."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from byzsgd.kernel.clocks import EventClock
from byzsgd.kernel.clocks.table import Table
from byzsgd.kernel.compiled import layout as at
from byzsgd.kernel.compiled.layout import Arrays
from byzsgd.kernel.compiled.plan import Plan
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.layers import Layer
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.world import Kernel

BLOCK = 512  # deliveries after which a call comes back at the latest: for signals, and for whoever watches
SPARE = 8  # rows beside those that workers and slots name
Examples = tuple[np.ndarray, np.ndarray, np.ndarray]  # inputs, class numbers, real targets


def new_arrays(plan: Plan, kernel: Kernel, problem: SupervisedProblem, batches: Batches, live: np.ndarray) -> Arrays:
    """Arrays in which nothing has happened, around the live model (d,)."""
    n, size = kernel.num_workers, batches.batch_size
    clock = kernel.clock
    assert isinstance(clock, EventClock) and isinstance(clock.durations, Table)
    # Rows that are never used cost no memory: the system gives it page by page.
    codes = plan.codes
    lipschitz = at.LIPSCHITZ in codes[at.FILTER_0 : at.FILTER_0 + codes[at.FILTERS]]
    each = 2 + (codes[at.WORKER_RULE] == at.INERT) + codes[at.SHOWN] + 4 * lipschitz
    count = int(each) * n + 2 * plan.slots + SPARE
    train = problem.data.train
    inputs, labels, wanted = examples(train.inputs, train.targets, live.dtype, bool(codes[at.SQUARED]))
    seen, deltas = between(plan.layers, size, live.dtype)
    workers = np.full((n, at.WORKER_COLUMNS), at.NOBODY, dtype=np.int64)
    workers[:, (at.BUSY, at.HELD, at.COEFFICIENTS)] = 0
    slots = np.full((plan.slots, 4), at.NOBODY, dtype=np.int64)
    slots[:, 3] = 0
    return Arrays(
        live=live,
        rows=np.empty((count, live.size), dtype=live.dtype),
        readers=np.zeros(count, dtype=np.int64),
        free=np.arange(count)[::-1].copy(),
        workers=workers,
        times=np.zeros((n, at.TIME_COLUMNS)),
        lies=np.isin(np.arange(n), kernel.adversary.byzantine),
        heap=np.zeros(n, dtype=np.int64),
        starting=np.zeros(n, dtype=np.int64),
        counts=_counts(count),
        sizes=np.zeros(at.SIZES),
        seconds=clock.durations.values,
        second_blocks=clock.durations.block_numbers,
        batches=np.zeros((n, 2, batches.together, size), dtype=np.int32),
        batch_blocks=np.full((n, 2), at.NOBODY, dtype=np.int64),
        inputs=inputs,
        labels=labels,
        wanted=wanted,
        layers=table(plan.layers),
        seen=seen,
        deltas=deltas,
        own=np.arange(size, dtype=np.int32),
        codes=plan.codes.copy(),
        settings=plan.settings.copy(),
        rates=np.zeros(BLOCK),
        table=np.full(n, np.inf),
        coefficients=np.zeros((n, at.HISTORY)),
        slots=slots,
        direction=np.zeros((2, live.size), dtype=live.dtype),
        columns=np.zeros((BLOCK, 7), dtype=np.int64),
        measures=np.zeros((BLOCK, 5)),
    )


def table(layers: Sequence[Layer]) -> np.ndarray:
    """(layers, 4) inputs, outputs, bias, activation."""
    codes = [at.LINEAR if layer.activation is None else at.ACTIVATIONS[layer.activation.name] for layer in layers]
    rows = [(layer.inputs, layer.outputs, layer.bias, code) for layer, code in zip(layers, codes, strict=True)]
    return np.array(rows, dtype=np.int64)


def between(layers: Sequence[Layer], size: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """(layers, B, widest), (2, B, widest): memory for what at most `size` examples leave behind every layer, and δ."""
    widest = max(layer.outputs for layer in layers)
    return np.zeros((len(layers), size, widest), dtype=dtype), np.zeros((2, size, widest), dtype=dtype)


def examples(inputs: Tensor, targets: Tensor, dtype: np.dtype, squared: bool) -> Examples:
    """(N, features) inputs, (N,) class numbers, (N, outputs) real targets; of the last two the one that the loss asks
    for, and one of no use."""
    rows = np.ascontiguousarray(inputs.numpy().reshape(len(inputs), -1))
    values = targets.numpy().reshape(len(targets), -1)
    if squared:
        return rows, np.zeros(1, dtype=np.int64), np.ascontiguousarray(values)
    return rows, np.ascontiguousarray(values[:, 0], dtype=np.int64), np.zeros((1, 1), dtype=dtype)


def _counts(rows: int) -> np.ndarray:
    counts = np.zeros(at.COUNTS, dtype=np.int64)
    counts[at.FREE] = rows
    counts[[at.LIVE_ROW, at.OLD_PARAMS, at.OLD_DIRECTION, at.INERTIA, at.VECTOR, at.OWN]] = at.NOBODY
    return counts
