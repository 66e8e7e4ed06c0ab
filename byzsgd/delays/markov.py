from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Draws

from .two_point import TwoPoint

LOOK_BACK = 64  # earlier serials that are drawn at a time


@dataclass(frozen=True, kw_only=True)
class Markov(TwoPoint):
    """Slow spells: a stationary chain of fast and slow jobs.

    After a fast job the next one is slow with probability `slow_down`. After a slow job it is fast with probability
    `recover`. So the share of slow jobs is slow_down/(slow_down + recover). A slow spell lasts 1/recover jobs in the
    mean. Jobs k apart have correlation (1 − slow_down − recover)^k.
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
        """A number below `recover` makes the job fast, one in the next `slow_down` makes it slow, whatever the state
        was. Any other number keeps the state. So the state of a job follows from the last deciding number before it.
        """
        slow = np.zeros((len(workers), len(serials)), dtype=bool)
        current, settled = self._before(draws, workers, serials.start)
        uniform = draws(serials)
        for column in range(len(serials)):
            current, settled = self._step(current, settled, uniform[:, column], serials[column])
            slow[:, column] = current
        return np.where(slow, float(self.slow), float(self.fast))

    def _step(
        self, slow: np.ndarray, settled: np.ndarray, uniform: np.ndarray, serial: int
    ) -> tuple[np.ndarray, np.ndarray]:
        if serial == 0:
            return uniform >= 1.0 - self.share_slow, np.ones_like(settled)
        decided = uniform < self.recover + self.slow_down
        return np.where(decided, uniform >= self.recover, slow), settled | decided

    def _before(self, draws: Draws, workers: range, serial: int) -> tuple[np.ndarray, np.ndarray]:
        """Whether the job before `serial` was slow, for each worker."""
        slow, settled = np.zeros(len(workers), dtype=bool), np.zeros(len(workers), dtype=bool)
        stop = serial
        while stop > 0 and not settled.all():
            start = max(stop - LOOK_BACK, 0)
            then, decided = np.zeros_like(slow), np.zeros_like(settled)
            uniform = draws(range(start, stop))
            for column in range(stop - start):
                then, decided = self._step(then, decided, uniform[:, column], start + column)
            slow, settled = np.where(settled, slow, then), settled | decided
            stop = start
        return slow, settled
