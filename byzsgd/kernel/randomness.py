"""Named random streams: a draw is a function of (seed, name, worker, serial), never of what was drawn before.

Philox (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011) is counter-based: the key says
which stream, the counter says where in it. So a stream has no state to save, and adding one shifts no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np


@dataclass(frozen=True, slots=True)
class Streams:
    """All random streams of one seed."""

    seed: int

    def generator(self, name: str, worker: int = 0, serial: int = 0) -> np.random.Generator:
        """A generator at the start of its own stretch: 2^128 numbers that no other (name, worker, serial) shares."""
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=16).digest()
        key = np.frombuffer(digest, dtype=np.uint64)
        # The two low words of the counter advance with the draws; the two high ones place the stretch.
        return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, serial, worker]))
