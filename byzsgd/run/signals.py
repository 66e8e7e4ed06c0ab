"""Processes that are asked to stop: by a signal, or by the process that launched them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

ALWAYS = ("SIGINT", "SIGTERM")
# Heard where nobody else listens: nohup ignores the first, a scheduler's client may use the others for its own.
UNLESS_TAKEN = ("SIGHUP", "SIGXCPU", "SIGUSR1", "SIGUSR2")
GRACE = 10.0  # seconds that the event under way may take before the run is left where its last checkpoint is
EVERY = 0.5  # seconds between two looks of a worker at the stop file


class Stopped(KeyboardInterrupt):
    """A signal was obeyed."""

    def __init__(self, number: int, folder: Path | None = None) -> None:
        super().__init__(number)
        self.number = number
        self.folder = folder  # of the run that was stopped


@contextmanager
def stop_signals() -> Iterator[Callable[[], int]]:
    """The number of the signal by which the process was asked to stop, or 0: told after the event under way, so that
    the state can be saved. An event that goes on for more than GRACE seconds is broken off with Stopped. The second
    request stops at once."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    asked: list[int] = []

    def break_off(number: int, frame: FrameType | None) -> None:
        raise Stopped(asked[0])

    def note(number: int) -> None:
        asked.append(number)
        if _is_free(signal.SIGALRM) and signal.getitimer(signal.ITIMER_REAL)[0] == 0.0:
            alarm.append(signal.signal(signal.SIGALRM, break_off))
            signal.setitimer(signal.ITIMER_REAL, GRACE)

    alarm: list[Any] = []
    with _first_signal(note):
        try:
            yield lambda: asked[0] if asked else 0
        finally:
            for before in alarm:
                signal.setitimer(signal.ITIMER_REAL, 0.0)
                signal.signal(signal.SIGALRM, before)


@contextmanager
def launching(stop: Path) -> Iterator[None]:
    """Around the launch of jobs in other processes: the first signal makes the stop file, which they obey, and is
    raised as Stopped when all of them have ended. The second request stops at once."""
    asked: list[int] = []

    def note(number: int) -> None:
        asked.append(number)
        stop.touch()

    try:
        with _first_signal(note):
            yield
    finally:
        stop.unlink(missing_ok=True)
    if asked:
        raise Stopped(asked[0])


@contextmanager
def obeying(stop: Path, launcher: int) -> Iterator[None]:
    """Around a job of a launch: in another process than its launcher (a process id), the stop file is a SIGTERM, and
    Ctrl-C, which the terminal sends to all, is left to the launcher."""
    if os.getpid() == launcher or threading.current_thread() is not threading.main_thread():
        yield
        return
    over = threading.Event()

    def look() -> None:
        while not over.wait(EVERY):
            if stop.exists():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for good: between two jobs too
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    thread = threading.Thread(target=look, name="stop file", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _first_signal(note: Callable[[int], None]) -> Iterator[None]:
    """Inside, `note(number)` is called for the first of the signals; after it they do what they did before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [number for name in ALWAYS if signal.getsignal(number := signal.Signals[name]) is not signal.SIG_IGN]
    numbers += [number for name in UNLESS_TAKEN if _is_free(number := signal.Signals[name])]
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def first(number: int, frame: FrameType | None) -> None:
        restore()
        with suppress(OSError):  # a folder that has vanished
            note(number)

    for number in numbers:
        signal.signal(number, first)
    try:
        yield
    finally:
        restore()


def _is_free(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_DFL
