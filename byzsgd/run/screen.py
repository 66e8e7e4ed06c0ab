"""The screen of a run: the interface of everything that watches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from byzsgd.interfaces import Event
from byzsgd.records import Run
from byzsgd.records.rows import Columns


@dataclass(frozen=True)
class Facts:
    """The facts of a run that a screen may show before it starts."""

    choices: Mapping[str, str]
    num_workers: int
    num_byzantine: int
    f: int
    knowledge: str
    seed: int
    device: str
    arrivals: int  # the budget
    num_parameters: int
    engine: str
    folder: Path | None


class Screen(Protocol):
    """Watches a run. It sees everything and changes nothing."""

    def start(self, facts: Facts) -> None: ...

    def say(self, line: str) -> None:
        """Shows one line about the run as a whole: it was resumed, a damaged checkpoint was left out, …"""

    def event(self, event: Event) -> None: ...

    def block(self, columns: Columns) -> None:
        """Shows the deliveries of a stretch, by the columns of the record, in place of their events."""

    def metrics(self, row: Mapping[str, float | int | None]) -> None: ...

    def end(self, run: Run) -> None:
        """The run has ended, or had ended before."""


class Nobody:
    """The screen that shows nothing."""

    def start(self, facts: Facts) -> None:
        """Nothing to show."""

    def say(self, line: str) -> None:
        """Nothing to show."""

    def event(self, event: Event) -> None:
        """Nothing to show."""

    def block(self, columns: Columns) -> None:
        """Nothing to show."""

    def metrics(self, row: Mapping[str, float | int | None]) -> None:
        """Nothing to show."""

    def end(self, run: Run) -> None:
        """Nothing to show."""
