"""Asynchronous SGD as a careful researcher would write it in PyTorch: byzsgd is timed against this loop."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

import torch
from torch import Tensor
from torch.nn import functional

from byzsgd.interfaces import BatchKey
from byzsgd.run.prepared import Prepared


def asynchronous(prepared: Prepared, num_workers: int, lr: float) -> Iterator[Tensor]:
    """Plain asynchronous SGD; each step is one delivery. It has a heap of finish times, one flat copy of the model per
    dispatch, parameters that are views of a flat vector, autograd, and an update in place. It has no records, no
    filters and no attacks.

    Seconds and batches are those of byzsgd, drawn in the same way. Yields the live model.
    """
    data, batches, module = prepared.problem.data, prepared.batches, prepared.problem._built(_rng())
    seconds = prepared.kernel.clock.durations  # type: ignore[attr-defined]
    parameters = list(module.parameters())
    model = prepared.initial.clone()
    loaded = model.clone()
    for parameter, part in zip(parameters, loaded.split([p.numel() for p in parameters]), strict=True):
        parameter.data = part.view_as(parameter)
    copies = {worker: model.clone() for worker in range(num_workers)}
    serials = dict.fromkeys(range(num_workers), 0)
    heap = [(seconds(worker, 0), worker) for worker in range(num_workers)]
    heapify(heap)
    inputs, targets = data.train.inputs, data.train.targets
    while True:
        now, worker = heappop(heap)
        loaded.copy_(copies[worker])
        at = batches.indices(BatchKey(worker, serials[worker]))
        loss = functional.cross_entropy(module(inputs[at]), targets[at])
        gradient = torch.cat([part.flatten() for part in torch.autograd.grad(loss, parameters)])
        model.sub_(gradient, alpha=lr)
        copies[worker] = model.clone()
        serials[worker] += 1
        heappush(heap, (now + seconds(worker, serials[worker]), worker))
        yield model


def _rng():  # noqa: ANN202
    import numpy as np

    return np.random.default_rng(0)
