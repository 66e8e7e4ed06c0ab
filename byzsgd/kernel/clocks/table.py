"""A function of (worker, serial), drawn in blocks and remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from byzsgd.interfaces import Draws
from byzsgd.kernel.randomness import Streams

TOGETHER = 64  # neighbours whose first jobs are drawn in one go: many workers have only a few jobs
FIRST = 16  # serials in that first block
LATER = 64  # serials in every later block, of one worker alone


def _block(serial: int) -> int:
    return 0 if serial < FIRST else 1 + (serial - FIRST) // LATER


def _serials(block: int) -> range:
    return range(FIRST) if block == 0 else range(FIRST + (block - 1) * LATER, FIRST + block * LATER)


@dataclass(frozen=True, slots=True)
class Uniforms:
    """Uniform numbers in [0, 1), one for every (worker, serial) of one stream; the same whatever n is."""

    streams: Streams
    name: str

    def of(self, workers: range) -> Draws:
        """Draws for some workers out of one group of neighbours."""
        return lambda serials: np.concatenate(
            [self._part(workers, block, serials) for block in range(_block(serials.start), _block(serials[-1]) + 1)],
            axis=1,
        )

    def _part(self, workers: range, block: int, serials: range) -> np.ndarray:
        """(workers, serials of this block that are asked for)"""
        own = _serials(block)
        if block == 0:
            group, first = divmod(workers.start, TOGETHER)
            drawn = self.streams.generator(f"{self.name}/first", group).random((TOGETHER, FIRST))
            drawn = drawn[first : first + len(workers)]
        else:
            drawn = np.stack([self.streams.generator(self.name, worker, block).random(LATER) for worker in workers])
        return drawn[:, max(serials.start - own.start, 0) : max(serials.stop - own.start, 0)]


@dataclass(frozen=True, slots=True)
class Table:
    """Remembers the blocks in use of `function(workers, serials) -> (workers, serials)`, any serial at any time.

    A memory of a pure function: sharing, losing or forgetting it changes no value, so it is no part of a state.
    """

    function: Callable[[range, range], np.ndarray]
    num_workers: int
    _rows: dict[tuple[int, int], memoryview] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, worker: int, serial: int) -> float:
        block = 0 if serial < FIRST else 1 + (serial - FIRST) // LATER
        row = self._rows.get((worker, block))
        if row is None:
            row = self._fill(worker, block)
        value: float = row[serial if block == 0 else (serial - FIRST) % LATER]
        return value

    def _fill(self, worker: int, block: int) -> memoryview:
        start = worker - worker % TOGETHER
        workers = range(start, min(start + TOGETHER, self.num_workers)) if block == 0 else range(worker, worker + 1)
        values = np.ascontiguousarray(self.function(workers, _serials(block)))
        for position, owner in enumerate(workers):
            self._rows[owner, block] = values[position].data
        row = self._rows[worker, block]
        while len(self._rows) > 2 * self.num_workers + 2 * TOGETHER:
            del self._rows[next(iter(self._rows))]
        return row
