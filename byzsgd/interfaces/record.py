"""The record: what recorders and trackers receive while a run goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from byzsgd.interfaces.server import Arrival, Decision
from byzsgd.interfaces.values import value
from byzsgd.interfaces.worker import Message


@value
class Event:
    """What happened at one delivery; everything that is recorded or drawn comes from these."""

    arrival: Arrival
    message: Message
    decision: Decision
    serial: int
    byzantine: bool
    read_at_true: int
    norm: float  # ‖message‖₂
    updated: bool


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a tracker receives of a run before its first row."""

    name: str  # of its folder
    identity: str  # the same for every process that goes on with it
    folder: Path | None
    config: Mapping[str, object]  # resolved


class Sink(Protocol):
    """Where a tracker puts the rows of one run."""

    def write(self, row: Mapping[str, float]) -> None:
        """One row of `run.metrics`, less what was not measured."""

    def close(self, status: str) -> None:
        """The run has ended, was interrupted or has failed."""


class Tracker(Protocol):
    """Frozen settings of a service that shows metrics. It may fail at any time: the run then goes on without it."""

    def open(self, run: Tracked) -> Sink: ...
