"""A tracker beside the screen of a run. An error of the tracker costs one line, never the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from byzsgd.interfaces import Event, Sink, Tracked, Tracker
from byzsgd.records import Run
from byzsgd.records.rows import Columns
from byzsgd.run.screen import Facts, Screen


class Tracking:
    """A screen that also hands every row of metrics to a tracker."""

    def __init__(self, screen: Screen, tracker: Tracker, name: str, run: Tracked) -> None:
        self.screen, self.tracker, self.name, self.run = screen, tracker, name, run
        self.sink: Sink | None = None

    def start(self, facts: Facts) -> None:
        self.screen.start(facts)
        self._try(self._open)

    def say(self, line: str) -> None:
        self.screen.say(line)

    def event(self, event: Event) -> None:
        self.screen.event(event)

    def block(self, columns: Columns) -> None:
        self.screen.block(columns)

    def metrics(self, row: Mapping[str, float | int | None]) -> None:
        self.screen.metrics(row)
        sink, measured = self.sink, {key: value for key, value in row.items() if value is not None}
        if sink is not None:
            self._try(lambda: sink.write(measured))

    def end(self, run: Run) -> None:
        self.close(str(run.info["status"]))
        self.screen.end(run)

    def close(self, status: str) -> None:
        """Closes the tracker, once. An interrupted or failed run calls this without `end`."""
        sink, self.sink = self.sink, None
        if sink is not None:
            self._try(lambda: sink.close(status))

    def _open(self) -> None:
        self.sink = self.tracker.open(self.run)

    def _try(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            self.sink = None
            why = (str(error).strip().splitlines() or [""])[0]
            self.screen.say(f"tracker {self.name} failed, the run goes on without it: {type(error).__name__}: {why}")
