from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Draws

from .two_point import TwoPoint

LOOK_BACK = 64  # serials asked for at a time


@dataclass(frozen=True, kw_only=True)
class Markov(TwoPoint):
    """Slow spells: a stationary chain of fast and slow jobs.

    After a fast job the next is slow with probability `slow_down`, after a slow one it is fast with `recover`. So the
    share of slow jobs is slow_down/(slow_down + recover), a slow spell lasts 1/recover jobs in the mean, and jobs k
    apart have correlation (1 − slow_down − recover)^k.
    """

    slow_down: float
    recover: float

    def __post_init__(self) -> None:
        self.check_points("markov delay")
        valid = self.slow_down > 0 and self.recover > 0 and self.slow_down + self.recover <= 1
        needs = "slow_down > 0, recover > 0 and slow_down + recover <= 1"
        require(valid, "markov delay", needs, slow_down=self.slow_down, recover=self.recover)

    @property
    def share_slow(self) -> float:
        return self.slow_down / (self.slow_down + self.recover)

    def seconds(self, draws: Draws, workers: range, serials: range) -> np.ndarray:
        """A number below `recover` makes the job fast, one of the next `slow_down` makes it slow, whatever was before;
        any other leaves things as they are. So the state of any job is found by looking back to the last such number.
        """
        slow = np.zeros((len(workers), len(serials)), dtype=bool)
        current, known = self._before(draws, workers, serials.start)
        uniform = draws(serials)
        for column in range(len(serials)):
            current, known = self._step(current, known, uniform[:, column], serials[column])
            slow[:, column] = current
        return np.where(slow, float(self.slow), float(self.fast))

    def _step(
        self, slow: np.ndarray, known: np.ndarray, uniform: np.ndarray, serial: int
    ) -> tuple[np.ndarray, np.ndarray]:
        if serial == 0:
            return uniform >= 1.0 - self.share_slow, np.ones_like(known)
        decided = uniform < self.recover + self.slow_down
        return np.where(decided, uniform >= self.recover, slow), known | decided

    def _before(self, draws: Draws, workers: range, serial: int) -> tuple[np.ndarray, np.ndarray]:
        """Whether the job before `serial` was slow, for each worker."""
        slow, known = np.zeros(len(workers), dtype=bool), np.zeros(len(workers), dtype=bool)
        stop = serial
        while stop > 0 and not known.all():
            start = max(stop - LOOK_BACK, 0)
            then, found = np.zeros_like(slow), np.zeros_like(known)
            uniform = draws(range(start, stop))
            for column in range(stop - start):
                then, found = self._step(then, found, uniform[:, column], start + column)
            slow, known = np.where(known, slow, then), known | found
            stop = start
        return slow, known
