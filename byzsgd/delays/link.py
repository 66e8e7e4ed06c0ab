from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from byzsgd.checks import require

from .job_times import JobTimes


@dataclass(frozen=True, kw_only=True)
class Link(JobTimes):
    """As delay.communication: the transport of a message takes latency + per_message + bits/bandwidth seconds.

    `latency` passes on the link and `per_message` at its ends. `bandwidth` is in bits per second (inf: bits cost no
    time). The bits of a message follow from the run's compressor and model; among neighbours, from its exchange.
    """

    latency: float
    per_message: float
    bandwidth: float

    def __post_init__(self) -> None:
        require(0 <= self.latency < np.inf, "link", "0 <= latency < inf", latency=self.latency)
        require(0 <= self.per_message < np.inf, "link", "0 <= per_message < inf", per_message=self.per_message)
        require(self.bandwidth > 0, "link", "bandwidth > 0", bandwidth=self.bandwidth)

    def carrying(self, bits: int) -> Link:
        """The link for messages of so many bits: their seconds are part of its latency."""
        return replace(self, latency=self.latency + bits / self.bandwidth, bandwidth=np.inf)

    @property
    def typical(self) -> float:
        """The seconds without those of the bits, whose number only a run knows."""
        return self.latency + self.per_message

    @property
    def expectation(self) -> float:
        require(self.bandwidth == np.inf, "link", "the bits of a message, which a run knows",
                bandwidth=self.bandwidth)  # fmt: skip
        return float(self.latency + self.per_message)

    @property
    def variance(self) -> float:
        return 0.0

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.full(np.shape(uniform), self.expectation)

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        return np.where(np.asarray(seconds) >= self.expectation, 1.0, 0.0)
