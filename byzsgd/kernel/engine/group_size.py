"""How many jobs an engine computes in one call, and how far ahead."""

from __future__ import annotations

from typing import Literal

from byzsgd.checks import require
from byzsgd.kernel.engine.problem import SupervisedProblem

# Whether compiled code may play the turns, this engine computing what is left: where it can, or nothing else will do.
Stretching = Literal["never", "auto", "always"]
GROUP = 32  # jobs in one call: more gains little and costs memory (docs/performance.md)


def group_size(problem: SupervisedProblem, max_in_flight_bytes: int) -> tuple[int, int]:
    """(jobs in one call, results that may wait for their delivery); (1, 1) where not even two gradients fit.

    A constant of the run: if it followed the free memory of the moment, so would the last bits of the results.
    """
    require(max_in_flight_bytes >= 0, "engine", "max_in_flight_bytes >= 0", max_in_flight_bytes=max_in_flight_bytes)
    ahead = max(1, max_in_flight_bytes // (problem.num_parameters * problem.dtype.itemsize))
    return min(GROUP, ahead), ahead
