"""From a world to arrays and back. Both say the same: what is one vector in two places is one row with two readers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from byzsgd.interfaces import Job, Key
from byzsgd.interfaces.compiled import FrequencyMemory, LipschitzMemory, Slot
from byzsgd.kernel.clocks import Agenda
from byzsgd.kernel.compiled import layout as at
from byzsgd.kernel.compiled.layout import Arrays
from byzsgd.kernel.compiled.plan import Plan, form_of
from byzsgd.kernel.copies import copy_of
from byzsgd.kernel.jobs import pending_job
from byzsgd.kernel.world import Kernel, World

NODE = 0


class Packing:
    """Fills arrays in which nothing has happened."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self._rows: dict[int, int] = {}  # address of a tensor's memory -> its row
        self._alive: list[Tensor] = []  # so that an address says which tensor it is

    def row(self, vector: Tensor) -> int:
        """The row of a vector (d,), with one reader more."""
        arrays, address = self.arrays, vector.data_ptr()
        row = self._rows.get(address)
        if row is None:
            arrays.counts[at.FREE] -= 1
            row = self._rows[address] = int(arrays.free[arrays.counts[at.FREE]])
            arrays.rows[row] = vector.numpy()
            self._alive.append(vector)
        arrays.readers[row] += 1
        return row

    def name(self, worker: int, column: int, vector: Tensor) -> None:
        self.arrays.workers[worker, column] = self.row(vector)


def pack(plan: Plan, kernel: Kernel, world: World, arrays: Arrays) -> None:
    """Arrays in which nothing has happened take over a world in which every job in flight has its result."""
    packing = Packing(arrays)
    counts, sizes, models = arrays.counts, arrays.sizes, world.models
    counts[at.ARRIVALS], counts[at.STEP] = world.arrivals, models.version[NODE]
    sizes[at.NOW] = world.time
    _pack_jobs(kernel, world, packing)
    for worker in world.scheme.held:
        arrays.workers[worker, at.HELD] = 1
    if arrays.codes[at.WORKER_RULE] == at.INERT:
        for worker, state in world.workers.items():
            if state.momentum is not None:
                packing.name(worker, at.MOMENTUM, state.momentum)
    for worker, vector in world.adversary.delivered.items():
        packing.name(worker, at.SEEN, vector)
    inertia = models.optimizer[NODE].momentum
    if inertia is not None:
        counts[at.INERTIA] = packing.row(inertia)
    if plan.collector is not None:
        _pack_server(plan, world.scheme.aggregator, packing)


def _pack_jobs(kernel: Kernel, world: World, packing: Packing) -> None:
    arrays, models = packing.arrays, world.models
    workers, times = arrays.workers, arrays.times
    live: Key = (NODE, models.version[NODE])
    entries = []
    for worker, (finish, _, serial, job) in world.clock.last.items():
        workers[worker, at.SERIAL], times[worker, at.FINISH] = serial, finish
        if job is not None:
            workers[worker, at.READ_AT], times[worker, at.START] = job.read_at, job.start
        pending = world.pending.get(worker)
        if pending is None:
            continue
        result = world.results[worker].view(-1)
        packing.name(worker, at.RESULT, result)
        workers[worker, at.BUSY] = 1
        key = pending.keys[0]
        reads = arrays.codes[at.READS] or (arrays.codes[at.LIARS_READ] and arrays.lies[worker])
        if (reads or not bool(torch.isfinite(torch.linalg.vector_norm(result)))) and models.has(key):
            packing.name(worker, at.READ, models.snapshot(key))
            if key == live:
                arrays.counts[at.LIVE_ROW] = workers[worker, at.READ]
        if finish < np.inf:
            entries.append((finish, worker))
    heap = [worker for _, worker in sorted(entries)]  # ascending numbers are a heap
    arrays.heap[: len(heap)] = heap
    arrays.counts[at.WAITING] = len(heap)


def _filters(plan: Plan, state: Any) -> Iterator[tuple[str, Any, Any]]:
    """(kind, filter, state) of those that keep one."""
    for name, part in plan.filters:
        form = form_of(part)
        assert form is not None
        if form[0] != "max_staleness":
            yield form[0], part, state.filters[name]


def _pack_server(plan: Plan, state: Any, packing: Packing) -> None:
    arrays, counts = packing.arrays, packing.arrays.counts
    for _, part, own in _filters(plan, state):
        memory = part.lay_out(own)
        if isinstance(memory, FrequencyMemory):
            counts[at.ACCEPTED] = memory.accepted
            for worker, last in memory.last.items():
                arrays.workers[worker, at.ACCEPTED_LAST] = last
        else:
            _pack_lipschitz(memory, packing)
    for slot in plan.collector.lay_out(state.collector):
        arrays.slots[slot.index] = slot.worker, packing.row(slot.vector), packing.row(slot.raw), slot.count
        counts[at.COLLECTED] += 1


def _pack_lipschitz(memory: LipschitzMemory, packing: Packing) -> None:
    arrays, counts = packing.arrays, packing.arrays.counts
    for vector_column, read_column, pairs in (
        (at.LATEST, at.LATEST_READ, memory.latest),
        (at.REFERENCE, at.REFERENCE_READ, memory.reference),
    ):
        for worker, (params, vector) in pairs.items():
            packing.name(worker, vector_column, vector)
            packing.name(worker, read_column, params)
    for worker, coefficients in memory.coefficients.items():
        arrays.workers[worker, at.COEFFICIENTS] = len(coefficients)
        arrays.coefficients[worker, : len(coefficients)] = coefficients
        arrays.table[worker] = max(coefficients)
    arrays.table.sort()
    counts[at.KNOWN], counts[at.REFUSALS] = len(memory.coefficients), memory.refusals
    if memory.previous is not None:
        counts[at.OLD_PARAMS], counts[at.OLD_DIRECTION] = map(packing.row, memory.previous)


class Unpacking:
    """Makes tensors out of rows, each row once."""

    def __init__(self, arrays: Arrays, own: bool) -> None:
        self.arrays, self.own = arrays, own
        self._tensors: dict[int, Tensor] = {}

    def vector(self, row: int) -> Tensor:
        """(d,) the row itself, or a copy, since the row will be used again."""
        tensor = self._tensors.get(row)
        if tensor is None:
            # A view of a larger tensor would be saved with all of that.
            alone = torch.from_numpy(self.arrays.rows[row])
            tensor = self._tensors[row] = copy_of(alone) if self.own else alone
        return tensor

    def of(self, column: int) -> Iterator[tuple[int, Tensor]]:
        """The workers that name a row there, in order, and the vectors."""
        for worker in np.flatnonzero(self.arrays.workers[:, column] >= 0).tolist():
            yield worker, self.vector(int(self.arrays.workers[worker, column]))


def unpack(plan: Plan, kernel: Kernel, world: World, arrays: Arrays, own: bool) -> None:
    """The world becomes what the arrays say, with vectors of its `own` or theirs; the arrays stay as they are."""
    unpacking = Unpacking(arrays, own)
    tell(world, arrays)
    _unpack_jobs(kernel, world, unpacking)
    world.scheme.held = dict.fromkeys(np.flatnonzero(arrays.workers[:, at.HELD]).tolist())
    if arrays.codes[at.WORKER_RULE] == at.INERT:
        for worker, vector in unpacking.of(at.MOMENTUM):
            world.workers[worker] = replace(world.workers[worker], momentum=vector)
    world.adversary.delivered = dict(unpacking.of(at.SEEN))
    if arrays.counts[at.INERTIA] >= 0:
        momentum = unpacking.vector(int(arrays.counts[at.INERTIA]))
        world.models.optimizer[NODE] = replace(world.models.optimizer[NODE], momentum=momentum)
    if plan.collector is not None:
        _unpack_server(plan, world.scheme.aggregator, unpacking)


def tell(world: World, arrays: Arrays) -> None:
    """The world's numbers, which are cheap; its model is always that of the arrays."""
    new = int(arrays.counts[at.STEP])
    arrivals = int(arrays.counts[at.ARRIVALS]) - world.arrivals
    world.channel.bits += 32 * arrays.live.size * arrivals
    updates = new - world.models.version[NODE]
    world.time, world.arrivals = float(arrays.sizes[at.NOW]), int(arrays.counts[at.ARRIVALS])
    world.models.version[NODE] = new
    world.models.applied[NODE] += updates
    world.updates += updates


def _unpack_jobs(kernel: Kernel, world: World, unpacking: Unpacking) -> None:
    arrays, models = unpacking.arrays, world.models
    models.readers, models.earlier = {}, {}
    models.oldest[NODE] = models.version[NODE]
    world.pending, world.results, world.started, world.turn = {}, {}, {}, None
    agenda = Agenda(world.clock.pace, {})
    # Whole columns at once: reading one number of an array takes as long as ten of a list.
    columns = arrays.workers.T.tolist()
    starts, finishes = arrays.times[:, at.START].tolist(), arrays.times[:, at.FINISH].tolist()
    for worker, serial in enumerate(columns[at.SERIAL]):
        job = Job(worker, serial, columns[at.READ_AT][worker], starts[worker], finishes[worker])
        if not columns[at.BUSY][worker]:
            agenda.last[worker] = (job.finish, worker, serial, job)
            continue
        agenda.add((job.finish, worker, serial, job))
        pending = world.pending[worker] = pending_job(job, kernel.worker.plan(world.workers[worker], job), NODE)
        models.read(pending.keys)
        world.results[worker] = unpacking.vector(columns[at.RESULT][worker]).unsqueeze(0)
        row = columns[at.READ][worker]
        if row >= 0:
            models.earlier[pending.keys[0]] = unpacking.vector(row)
    world.clock = agenda


def _unpack_server(plan: Plan, state: Any, unpacking: Unpacking) -> None:
    arrays, counts = unpacking.arrays, unpacking.arrays.counts
    for kind, part, own in _filters(plan, state):
        if kind == "frequency":
            column = arrays.workers[:, at.ACCEPTED_LAST]
            last = {worker: int(column[worker]) for worker in np.flatnonzero(column >= 0).tolist()}
            part.take_back(own, FrequencyMemory(int(counts[at.ACCEPTED]), last))
        else:
            part.take_back(own, _unpack_lipschitz(unpacking))
    slots = []
    for index in np.flatnonzero(arrays.slots[:, 3] > 0).tolist():
        worker, vector, raw, count = arrays.slots[index].tolist()
        slots.append(Slot(index, worker, unpacking.vector(vector), unpacking.vector(raw), count))
    plan.collector.take_back(state.collector, slots)


def _unpack_lipschitz(unpacking: Unpacking) -> LipschitzMemory:
    arrays, counts = unpacking.arrays, unpacking.arrays.counts
    lengths = arrays.workers[:, at.COEFFICIENTS]
    latest_read, reference_read = dict(unpacking.of(at.LATEST_READ)), dict(unpacking.of(at.REFERENCE_READ))
    rows = (int(counts[at.OLD_PARAMS]), int(counts[at.OLD_DIRECTION]))
    return LipschitzMemory(
        latest={worker: (latest_read[worker], vector) for worker, vector in unpacking.of(at.LATEST)},
        reference={worker: (reference_read[worker], vector) for worker, vector in unpacking.of(at.REFERENCE)},
        coefficients={
            worker: tuple(arrays.coefficients[worker, : lengths[worker]].tolist())
            for worker in np.flatnonzero(lengths).tolist()
        },
        refusals=int(counts[at.REFUSALS]),
        previous=None if rows[0] < 0 else (unpacking.vector(rows[0]), unpacking.vector(rows[1])),
    )
