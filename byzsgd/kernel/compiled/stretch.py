"""A world that compiled code plays: between two calls the arrays own what happens, until `give_back`."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Engine
from byzsgd.kernel.clocks import EventClock
from byzsgd.kernel.compiled import layout as at
from byzsgd.kernel.compiled.arrays import BLOCK, new_arrays
from byzsgd.kernel.compiled.exchange import pack, tell, unpack
from byzsgd.kernel.compiled.layout import Arrays
from byzsgd.kernel.compiled.outside import Outside
from byzsgd.kernel.compiled.plan import Plan
from byzsgd.kernel.compiled.play import play
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.world import Kernel, World

Columns = dict[str, np.ndarray | list[object]]
OVER = (at.FULL, at.SPENT, at.STALLED, at.GENERAL)  # why a stretch ends


class End(enum.Enum):
    """Why a stretch ended."""

    DONE = enum.auto()  # it is as long as it was to be, or a budget is spent
    STALLED = enum.auto()  # nothing can arrive any more
    UNKNOWN = enum.auto()  # the next delivery is one for the general path

    @property
    def stalled(self) -> bool:
        return self is End.STALLED

    @property
    def unknown(self) -> bool:
        return self is End.UNKNOWN


class Stretches:
    """Plays one world, a stretch at a time."""

    def __init__(
        self,
        plan: Plan,
        kernel: Kernel,
        world: World,
        engine: Engine,
        problem: SupervisedProblem,
        batches: Batches,
        scores: tuple[str, ...],
        updates: int | None = None,
        time: float | None = None,
    ) -> None:
        """`scores`: those that the record has a column for; after so many updates, or then, a stretch ends."""
        self._plan, self._kernel, self._world, self._engine = plan, kernel, world, engine
        self._problem, self._batches, self._scores = problem, batches, scores
        self._limits = (np.iinfo(np.int64).max if updates is None else updates, np.inf if time is None else time)
        self._bits = 32 * problem.num_parameters
        self._arrays: Arrays | None = None  # None: the world owns
        self._outside: Outside

    def play(self, most: int) -> End:
        """Up to so many deliveries, and never more than BLOCK; the world's numbers and its model follow."""
        arrays = self._arrays or self._take_over()
        counts = arrays.counts
        counts[at.OUT], counts[at.MOST] = 0, min(most, BLOCK)
        began, spent = int(counts[at.STEP]), int(arrays.workers[:, at.SERIAL].sum())
        # Who reads version 0 is not counted as a reader, so the first update ends a stretch.
        counts[at.MOST_UPDATES] = self._limits[0] if began else 1
        self._outside.scores = []
        self._fill_rates(arrays, int(counts[at.MOST]))
        try:
            while (why := play(arrays)) not in OVER:  # type: ignore[no-untyped-call]
                self._answer(why, arrays)
        finally:
            tell(self._world, arrays)
            starts = int(arrays.workers[:, at.SERIAL].sum()) - spent
            later = (arrays.workers[:, at.BUSY] > 0) & (arrays.workers[:, at.READ_AT] > 0)
            self._world.channel.reads += starts if began else int(later.sum())
        return {at.STALLED: End.STALLED, at.GENERAL: End.UNKNOWN}.get(why, End.DONE)

    def give_back(self, leave: bool = False) -> None:
        """The world says all that has happened: in memory of the arrays, for whoever saves it before the next stretch.
        `leave`: in memory of its own, and the arrays own nothing until then."""
        if self._arrays is None:
            return
        unpack(self._plan, self._kernel, self._world, self._arrays, own=leave)
        if leave:
            self._arrays = None

    def columns(self) -> Columns:
        """The deliveries of the last stretch, for the recorder."""
        if self._arrays is None:
            return {}
        arrays = self._arrays
        count = int(arrays.counts[at.OUT])
        whole, real = arrays.columns[:count].T.copy(), arrays.measures[:count].T.copy()
        read_at, reasons = whole[at.C_READ_AT], list(self._outside.reasons)
        outside = bool(arrays.codes[at.SERVER])
        names = np.array(reasons)
        columns = {
            "time": real[at.C_TIME],
            "worker": whole[at.C_WORKER],
            "serial": whole[at.C_SERIAL],
            "byzantine": arrays.lies[whole[at.C_WORKER]],
            "read_at": read_at,
            "read_at_true": read_at,
            "step": whole[at.C_STEP],
            "staleness": whole[at.C_STEP] - read_at,
            "accepted": whole[at.C_SCORED] > 0 if outside else whole[at.C_REASON] == 0,
            "reason": names[whole[at.C_REASON]].tolist(),
            "weight": real[at.C_WEIGHT],
            "norm": real[at.C_NORM],
            "bits": np.full(count, self._bits),
            "updated": whole[at.C_UPDATED] > 0,
        }
        if outside:
            return columns | {name: [each.get(name) for each in self._outside.scores] for name in self._scores}
        scored = whole[at.C_SCORED] > 0
        for name, values in zip(self._scores, (real[at.C_CANDIDATE], real[at.C_THRESHOLD]), strict=False):
            columns[name] = (
                values
                if scored.all()
                else [
                    value if is_scored else None
                    for value, is_scored in zip(values.tolist(), scored.tolist(), strict=True)
                ]
            )
        return columns

    def _take_over(self) -> Arrays:
        """The arrays take the world over. A job without result gets it from the engine: who starts a run, or comes
        from the general path, has some."""
        world = self._world
        # In an order that a checkpoint cannot change, since the last bits depend on who shares a call.
        jobs = [world.pending[each].task(world.models) for each in sorted(world.pending) if each not in world.results]
        for first in range(0, len(jobs), self._engine.group):
            tasks = jobs[first : first + self._engine.group]
            results = self._engine.results(tasks)
            world.results.update((task.job.worker, result) for task, result in zip(tasks, results, strict=True))
        arrays = new_arrays(self._plan, self._kernel, self._problem, self._batches, world.models.live[0].numpy())
        pack(self._plan, self._kernel, world, arrays)
        arrays.sizes[at.MOST_TIME] = self._limits[1]
        self._arrays, self._outside = arrays, Outside(self._plan, self._kernel, world, arrays)
        return arrays

    def _answer(self, why: int, arrays: Arrays) -> None:
        if why == at.FORGE:
            self._outside.forge()
        elif why == at.DIRECT:
            self._outside.direct()
        elif why == at.RECEIVE:
            self._outside.receive()
        elif why == at.NEEDS_BATCH:
            self._draw(arrays)
        else:
            worker = int(arrays.counts[at.WHO])
            serial = int(arrays.workers[worker, at.SERIAL]) + 1
            clock = self._kernel.clock
            assert isinstance(clock, EventClock)
            seconds = clock.durations(worker, serial)
            require(seconds >= 0.0, "a job", "seconds >= 0", seconds=seconds, worker=worker, serial=serial)

    def _draw(self, arrays: Arrays) -> None:
        """The batches of the next jobs: of the worker that needs them, and of all that soon will."""
        serials, numbers = self._batches.together, arrays.batch_blocks
        next_serials = arrays.workers[:, at.SERIAL] + 1
        now, then = next_serials // serials, (next_serials + serials // 2) // serials
        rows = np.arange(len(numbers))
        for blocks in (now, then):
            for worker in np.flatnonzero(numbers[rows, blocks & 1] < blocks).tolist():
                block = int(blocks[worker])
                arrays.batches[worker, block & 1] = self._batches.block(worker, block)
                numbers[worker, block & 1] = block

    def _fill_rates(self, arrays: Arrays, most: int) -> None:
        """The learning rates of all updates that this stretch may bring."""
        step, codes = int(arrays.counts[at.STEP]), arrays.codes
        arrays.counts[at.FIRST_RATE] = step
        optimizer: Any = self._kernel.optimizer
        for index in range(1 if codes[at.FOREVER] else most):
            arrays.rates[index] = optimizer.schedule(optimizer.lr, step + index)
