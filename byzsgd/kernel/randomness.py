"""Named random streams: a draw is a function of (seed, name, worker, serial), never of what was drawn before.

Philox (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011) is counter-based: the key says
which stream, the counter says where in it. So a stream has no state to save, and adding one shifts no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Streams:
    """All random streams of one seed."""

    seed: int

    def generator(self, name: str, worker: int = 0, serial: int = 0) -> np.random.Generator:
        """A generator at the start of its own stretch: 2^128 numbers that no other (name, worker, serial) shares."""
        return self.stream(name).at(worker, serial)

    def of_worker(self, worker: int) -> WorkerStream:
        """The streams that a worker rule draws from."""
        return WorkerStream(self, worker)

    def stream(self, name: str) -> Stream:
        """All stretches of one name, for those who draw from many of them."""
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=16).digest()
        return Stream(np.frombuffer(digest, dtype=np.uint64))


@dataclass(frozen=True, slots=True)
class WorkerStream:
    """(name, serial) -> a generator of this worker's own. Plain data, so that a State may hold it."""

    streams: Streams
    worker: int

    def __call__(self, name: str, serial: int) -> np.random.Generator:
        return self.streams.generator(f"worker/{name}", self.worker, serial)


class Stream:
    """One generator that is moved from stretch to stretch: making a new one for each takes five times as long."""

    def __init__(self, key: np.ndarray) -> None:
        self._source = np.random.Philox(key=key)
        self._generator = np.random.Generator(self._source)
        self._start: Any = self._source.state

    def at(self, worker: int, serial: int) -> np.random.Generator:
        """The generator at the start of this stretch, until the next call moves it."""
        # The two low words of the counter advance with the draws; the two high ones place the stretch.
        self._start["state"]["counter"][:] = (0, 0, serial, worker)
        self._source.state = self._start
        return self._generator
