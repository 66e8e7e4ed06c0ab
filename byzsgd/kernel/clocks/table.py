"""A function of (worker, serial), drawn in blocks and remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from byzsgd.interfaces import Draws
from byzsgd.kernel.randomness import Streams

LENGTH = 64  # serials in a block; block 0 is cut in two, since many workers of many have only a few jobs
FIRST = 16  # serials in the first of these two
TOGETHER = 64  # neighbours whose first two blocks are drawn in one go


def block_of(serial: int) -> int:
    """Blocks 0 and 1 hold the serials 0 … 15 and 16 … 63, every later one 64 serials."""
    return serial // LENGTH + 1 if serial >= FIRST else 0


def serials_of(block: int) -> range:
    if block == 0:
        return range(FIRST)
    return range(FIRST, LENGTH) if block == 1 else range((block - 1) * LENGTH, block * LENGTH)


@dataclass(frozen=True, slots=True)
class Uniforms:
    """Uniform numbers in [0, 1), one for every (worker, serial) of one stream; the same whatever n is."""

    streams: Streams
    name: str

    def of(self, workers: range) -> Draws:
        """Draws for some workers out of one group of neighbours."""
        return lambda serials: np.concatenate(
            [
                self._part(workers, block, serials)
                for block in range(block_of(serials.start), block_of(serials[-1]) + 1)
            ],
            axis=1,
        )

    def _part(self, workers: range, block: int, serials: range) -> np.ndarray:
        """(workers, serials of this block that are asked for)"""
        own = serials_of(block)
        if block < 2:
            group, first = divmod(workers.start, TOGETHER)
            numbers = self.streams.generator(f"{self.name}/{block}", group).random((TOGETHER, len(own)))
            numbers = numbers[first : first + len(workers)]
        else:
            stream = self.streams.stream(self.name)
            numbers = np.stack([stream.at(worker, block).random(LENGTH) for worker in workers])
        return numbers[:, max(serials.start - own.start, 0) : max(serials.stop - own.start, 0)]


class Table:
    """Remembers the blocks in use of `function(workers, serials) -> (workers, serials)`, any serial at any time.

    `blocks` (a power of two) of them are kept for each worker. This is a memory of a pure function: sharing, losing or
    forgetting it changes no value, so it is no part of a state.
    """

    def __init__(self, function: Callable[[range, range], np.ndarray], num_workers: int, blocks: int = 2) -> None:
        self._function = function
        self._num_workers = num_workers
        self._per_worker = blocks
        self._array = np.empty((num_workers, blocks, LENGTH))
        self._blocks = np.full((num_workers, blocks), -1)  # which block each row of them holds
        # Flat views in plain Python numbers: one look costs one cache line.
        self._flat, self._flat_blocks = self._array.reshape(-1).data, self._blocks.reshape(-1).data

    @property
    def values(self) -> np.ndarray:
        """(workers, blocks, 64) the memory itself, for compiled code: serial s is at index s mod 64 of its block."""
        return self._array

    @property
    def block_numbers(self) -> np.ndarray:
        """(workers, blocks) the number of the block that each holds, −1: none."""
        return self._blocks

    def __call__(self, worker: int, serial: int) -> float:
        block = (serial >> 6) + 1 if serial >= FIRST else 0
        row = worker * self._per_worker + (block & (self._per_worker - 1))
        if self._flat_blocks[row] != block:
            self._fill(worker, block)
        value: float = self._flat[(row << 6) + (serial & 63)]
        return value

    def _fill(self, worker: int, block: int) -> None:
        workers = range(worker, worker + 1)
        if block < 2:
            start = worker - worker % TOGETHER
            workers = range(start, min(start + TOGETHER, self._num_workers))
        serials = serials_of(block)
        row, first = block % self._per_worker, serials.start % LENGTH
        behind = workers.start + np.flatnonzero(self._blocks[workers.start : workers.stop, row] < block)
        owners = behind if worker in behind else np.array([worker])  # neighbours may be further on
        values = self._function(workers, serials)
        self._array[owners, row, first : first + len(serials)] = values[owners - workers.start]
        self._blocks[owners, row] = block
