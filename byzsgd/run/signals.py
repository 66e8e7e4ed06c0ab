"""How a process stops on request: by a signal, or by the stop file of the process that launched it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType

ALWAYS = ("SIGINT", "SIGTERM")
# Handled only where no handler is set: nohup ignores the first, the client of a scheduler may use the others.
UNLESS_TAKEN = ("SIGHUP", "SIGXCPU", "SIGUSR1", "SIGUSR2")
GRACE = 10.0  # seconds that the current event may still take; after them the run stops without a new checkpoint
EVERY = 0.5  # seconds between two tests for the stop file


class Stopped(KeyboardInterrupt):
    """A process stopped because of a signal."""

    def __init__(self, number: int, folder: Path | None = None) -> None:
        super().__init__(number)
        self.number = number
        self.folder = folder  # of the run that was stopped


@contextmanager
def stop_signals() -> Iterator[Callable[[], int]]:
    """Yields a function that returns the number of the first signal to stop, or 0. A run calls it between two events,
    so that it can save its state. An event that lasts more than GRACE seconds after the signal is ended with Stopped. A
    second signal stops the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    numbers: list[int] = []

    def break_off(number: int, frame: FrameType | None) -> None:
        raise Stopped(numbers[0])

    def note(number: int) -> None:
        numbers.append(number)
        if _is_free(signal.SIGALRM) and signal.getitimer(signal.ITIMER_REAL)[0] == 0.0:
            alarm.append(partial(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, break_off)))
            signal.setitimer(signal.ITIMER_REAL, GRACE)

    alarm: list[Callable[[], object]] = []
    with _first_signal(note):
        try:
            yield lambda: numbers[0] if numbers else 0
        finally:
            for restore in alarm:
                signal.setitimer(signal.ITIMER_REAL, 0.0)
                restore()


@contextmanager
def launching(stop: Path) -> Iterator[None]:
    """Around the launch of jobs in other processes. The first signal creates the stop file, at which the jobs stop;
    Stopped is raised when all of them have ended. A second signal stops at once."""
    numbers: list[int] = []

    def note(number: int) -> None:
        numbers.append(number)
        stop.touch()

    try:
        with _first_signal(note):
            yield
    finally:
        stop.unlink(missing_ok=True)
    if numbers:
        raise Stopped(numbers[0])


@contextmanager
def obeying(stop: Path, launcher: int) -> Iterator[None]:
    """Around a job of a launch, in another process than its launcher (a process id). The stop file acts as a SIGTERM.
    Ctrl-C, which a terminal sends to all processes, is ignored: the launcher handles it."""
    if os.getpid() == launcher or threading.current_thread() is not threading.main_thread():
        yield
        return
    over = threading.Event()

    def look() -> None:
        while not over.wait(EVERY):
            if stop.exists():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # never restored, so that it is ignored between two jobs too
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
    """Inside, the first signal calls `note(number)` and restores the handlers from before."""
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
        with suppress(OSError):  # the folder of the stop file was removed
            note(number)

    for number in numbers:
        signal.signal(number, first)
    try:
        yield
    finally:
        restore()


def _is_free(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_DFL
