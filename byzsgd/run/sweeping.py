"""What a sweep does with combinations that cannot be, and with jobs that fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Sweeping:
    """Heard by sweeps alone, and no part of any run's identity."""

    impossible: Literal["fail", "skip"] = "fail"  # skip: left out and counted
    on_error: Literal["continue", "stop"] = "continue"  # stop: at the first failure; what is running is saved
