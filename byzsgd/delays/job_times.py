"""The base class of all laws of seconds, with the four settings around a law."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Availability, Draws, Heterogeneity, LiarsLaw

LEAST, MOST = 1e-300, 1e300  # seconds: sums and products with them neither overflow nor vanish
GRAINS_LEAST = 1e-6  # of a typical job: availability is searched slot by slot, so slots must not be much shorter


@dataclass(frozen=True, kw_only=True)
class JobTimes(ABC):
    """A law of seconds. Each of the four settings around it has no effect if it is None.

    A law is its quantile function, applied to uniform numbers that belong to (worker, serial). So two laws of one seed
    are coupled: a job that is slow under the one is slow under the other.
    """

    prescribed: ClassVar[bool] = False

    communication: JobTimes | None = None
    heterogeneity: Heterogeneity | None = None
    availability: Availability | None = None
    byzantine: LiarsLaw | None = None

    def check(self, num_workers: int) -> None:
        typical = self.typical
        fitting = typical == 0 or LEAST <= typical <= MOST
        require(fitting, "delay", f"a typical job of {LEAST} to {MOST} seconds, or of 0", typical=typical)
        if self.availability is not None:
            self.availability.check(num_workers)
            grain = getattr(self.availability, "grain", np.inf)  # a plugin may not have it
            needs = "spans of presence of at least a millionth of a typical job"
            require(grain >= GRAINS_LEAST * typical, "delay.availability", needs, span=grain, typical=typical)
        if self.communication is not None:
            self.communication.check_part("delay.communication", num_workers)
        if self.byzantine is not None:
            self.byzantine.check_part("delay.byzantine", num_workers)

    def check_part(self, who: str, num_workers: int) -> None:
        """Checks a law inside a delay. It must have no settings around it: those belong to the whole delay."""
        names = ("communication", "heterogeneity", "availability", "byzantine")
        around = {name: value for name in names if (value := getattr(self, name)) is not None}
        require(not around, who, "a law alone", **around)
        self.check(num_workers)

    @property
    def typical(self) -> float:
        """The median seconds of a job."""
        with np.errstate(all="ignore"):
            return float(self.quantile(np.array([0.5]))[0])

    @abstractmethod
    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        """Seconds of a job as a non-decreasing function of a uniform number in [0, 1)."""

    @abstractmethod
    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        """Probability that a job takes at most these seconds."""

    @property
    @abstractmethod
    def expectation(self) -> float:
        """The mean seconds of a job; inf where the mean is infinite."""

    @property
    @abstractmethod
    def variance(self) -> float:
        """Variance of the seconds of a job; inf where it is infinite."""

    def seconds(self, draws: Draws, workers: range, serials: range) -> np.ndarray:
        return self.quantile(draws(serials))

    def liars(self, honest: np.ndarray, draws: Draws, workers: range, serials: range) -> np.ndarray:
        """As `delay.byzantine`: the seconds of this law. `honest`, those of honest workers, has no effect."""
        return self.seconds(draws, workers, serials)
