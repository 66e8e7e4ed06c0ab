"""Who arrives next, and which model version that worker had read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from byzsgd.interfaces import Clock, Delay
from byzsgd.kernel.randomness import Streams

from .agenda import Agenda
from .event import EventClock
from .prescribed import PrescribedClock, PrescribedState, Upcoming

__all__ = ["Agenda", "EventClock", "PrescribedClock", "PrescribedState", "Upcoming", "build_clock"]

Builder = Callable[[Any, Streams, int, tuple[int, ...]], Clock]
BUILDERS: Mapping[bool, Builder] = {False: EventClock.build, True: PrescribedClock.build}  # by Delay.prescribed


def build_clock(delay: Delay, streams: Streams, num_workers: int, byzantine: tuple[int, ...] = ()) -> Clock:
    """The clock of n workers under a delay law: events in seconds, or prescribed staleness."""
    return BUILDERS[delay.prescribed](delay, streams, num_workers, byzantine)
