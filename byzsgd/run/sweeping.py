"""What a sweep does with impossible combinations, and with jobs that fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Sweeping:
    """Settings of a sweep. They are no part of the identity of its runs."""

    impossible: Literal["fail", "skip"] = "fail"  # skip: left out and counted
    on_error: Literal["continue", "stop"] = "continue"  # stop: at the first failure; running jobs save their state
