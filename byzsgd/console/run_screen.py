"""The screen of a run: a header, a progress bar, a closing table. Without a terminal, plain lines."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from byzsgd.analysis import as_seen
from byzsgd.analysis.outcomes import at_best_validation, byzantine_share, final, judged_by, staleness
from byzsgd.console.output import PIPE
from byzsgd.console.output import console as screen
from byzsgd.console.vocabulary import NOTHING, as_argument, metric_name, percent
from byzsgd.interfaces import Event
from byzsgd.records import Run
from byzsgd.records.judged import judged
from byzsgd.records.rows import Columns
from byzsgd.run.screen import Facts

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

BETWEEN_LINES = 5.0  # seconds at least between two lines without a terminal
BAR = 12 + 4 + 7 + 4  # columns of the bar, its percentage, the time left, and the gaps
REFRESH = 0.2  # seconds between two updates of the bar
RECENT = 2000  # arrivals in a row that are all refused, after which the screen warns


@dataclass
class Tally:
    """How many vectors of one kind of worker were delivered and accepted."""

    delivered: int = 0
    accepted: int = 0

    def add(self, accepted: bool) -> None:
        self.delivered += 1
        self.accepted += accepted

    @property
    def share(self) -> str:
        return percent(self.accepted / self.delivered) if self.delivered else NOTHING


@dataclass
class Terminal:
    """The screen of one run, on stdout."""

    console: Console = field(default_factory=screen)
    honest: Tally = field(default_factory=Tally)
    byzantine: Tally = field(default_factory=Tally)
    arrivals: int = 0  # the budget
    lying: bool = True  # False without attack: the Byzantine workers are honest then
    judged: tuple[str, float] | None = None  # the metric by which the run is judged, and its last value
    refused_since: Counter[str] = field(default_factory=Counter)
    refreshed: float = 0.0
    bar: tuple[Progress, TaskID] | None = None  # None: there is no terminal

    def start(self, facts: Facts) -> None:
        choices, self.arrivals, self.refreshed = facts.choices, facts.arrivals, time.perf_counter()
        self.lying = choices.get("attack") != "none"
        server = choices.get("aggregator") or choices.get("scheme")
        if self.lying:
            liars = f"{facts.num_byzantine} of {facts.num_workers} lie, f={facts.f}; knowledge {facts.knowledge}"
            first = f"{server} under {choices.get('attack')}: {liars}"
        else:
            first = f"{server} without attack: none of {facts.num_workers} lies, f={facts.f}"
        lines = [
            first,
            f"{choices.get('dataset')}, {choices.get('model')} model of {facts.num_parameters} parameters, "
            f"{choices.get('partition')} partition; delay {choices.get('delay')}; seed {facts.seed}; "
            f"engine {facts.engine} on {facts.device}",
        ]
        if self.console.is_terminal:
            from rich.panel import Panel
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            self.console.print(Panel("\n".join(lines), title="byzsgd", title_align="left", expand=False))
            progress = Progress(
                BarColumn(bar_width=12),
                TaskProgressColumn(),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[news]}", markup=False),
                console=self.console,
                transient=True,
            )
            self.bar = progress, progress.add_task("run", total=facts.arrivals, news="")
            progress.start()
        else:
            for line in lines:
                self.console.print(line, soft_wrap=True)

    def say(self, line: str) -> None:
        self.console.print(line, soft_wrap=True)

    def event(self, event: Event) -> None:
        decision, arrival = event.decision, event.arrival
        self._count(event.byzantine, decision.accepted, decision.reason)
        self._refresh(arrival.time, arrival.step + event.updated)

    def block(self, columns: Columns) -> None:
        for row in zip(columns["byzantine"], columns["accepted"], columns["reason"], strict=True):
            self._count(*row)
        if len(columns["time"]):
            self._refresh(columns["time"][-1], columns["step"][-1] + columns["updated"][-1])

    def metrics(self, row: Mapping[str, float | int | None]) -> None:
        self.judged = judged(row) or self.judged
        now = time.perf_counter()
        if not self.console.is_terminal and now - self.refreshed > BETWEEN_LINES:
            self.refreshed = now
            self.say(self._news(row.get("time"), row.get("step"), PIPE))

    def end(self, run: Run) -> None:
        if self.bar is not None:
            self.bar[0].stop()
        if self.console.is_terminal:
            from rich.table import Table

            table = Table(title=str(run.info["status"]), title_justify="left", show_header=False, title_style="bold")
            for label, text in _closing(run):
                table.add_row(label, text)
            self.console.print(table)
        else:
            for label, text in [("status", str(run.info["status"])), *_closing(run)]:
                self.console.print(f"{label}: {text}", soft_wrap=True)
        if run.folder is not None:
            self.console.print(f"next: byzsgd plot {as_argument(run.folder)}", soft_wrap=True)

    def _count(self, byzantine: bool, accepted: bool, reason: str) -> None:
        (self.byzantine if byzantine and self.lying else self.honest).add(accepted)
        if accepted:
            self.refused_since.clear()
        else:
            self.refused_since[reason] += 1
            self._warn()

    def _refresh(self, now: float, updates: int) -> None:
        if self.bar is None or time.perf_counter() - self.refreshed <= REFRESH:
            return
        self.refreshed = time.perf_counter()
        progress, task = self.bar
        progress.update(task, completed=self.delivered, news=self._news(now, updates, self.console.width - BAR))

    @property
    def delivered(self) -> int:
        return self.honest.delivered + self.byzantine.delivered

    def _news(self, virtual: float | None, updates: float | None, width: int) -> str:
        """The news in one line: as many items as fit, the most important first."""
        parts = [
            f"{self.delivered}/{self.arrivals}",
            NOTHING if self.judged is None else f"{metric_name(self.judged[0])} {self.judged[1]:.3f}",
            f"accepted {self.honest.share}" + (f", lies {self.byzantine.share}" if self.lying else ""),
            f"updates {updates or 0:.0f}",
            f"time {virtual or 0.0:.1f}",
        ]
        while len(parts) > 1 and len("  ".join(parts)) > width:
            parts.pop()
        return "  ".join(parts)

    def _warn(self) -> None:
        refused = sum(self.refused_since.values())
        if refused % RECENT == 0:
            shares = ", ".join(f"{why} {percent(count / refused)}" for why, count in self.refused_since.most_common())
            self.console.print(f"the server refused the last {refused} arrivals: {shares}")


def _closing(run: Run) -> list[tuple[str, str]]:
    """The rows of the closing table. They come from the records, so earlier parts of a resumed run count."""
    run = as_seen(run)
    rows = [("reason", str(run.info["reason"]))] if run.info.get("reason") else []
    measure = judged_by(run)
    chosen = at_best_validation(run)
    beside = "" if math.isnan(chosen) else f" ({chosen:.4g} at the best validation accuracy)"
    rows.append((metric_name(measure), f"{final(run, measure):.4g}{beside}"))
    arrivals = run.arrivals
    for name, liars in (("honest", False), ("byzantine", True)):
        delivered = arrivals.filter(arrivals["byzantine"] == liars)
        if len(delivered):
            refused = delivered.filter(~delivered["accepted"])["reason"].value_counts(sort=True)
            why = ", ".join(f"{reason} {percent(count / len(delivered))}" for reason, count in refused.iter_rows())
            count = int(delivered["accepted"].sum())
            share = f"{count} of {len(delivered)} ({percent(count / len(delivered))})"
            rows.append((f"{name} accepted", share + (f"; refused: {why}" if why else "")))
    if len(arrivals):
        if arrivals["byzantine"].any():
            rows.append(("byzantine share", f"{byzantine_share(run):.1%} of all deliveries"))
        mean_staleness, most = staleness(run)
        rows.append(("staleness", f"mean {mean_staleness:.2f}, max {most:.0f}"))
    if run.info.get("dissimilarity"):
        bound = run.info["dissimilarity"]
        rows.append(("dissimilarity", f"G = {bound['G']:.3g}, B = {bound['B']:.3g} at {bound['points']} evaluations"))
    seconds = float(run.info.get("wall_time") or 0.0)
    if seconds > 0:
        rows.append(("speed", f"{len(arrivals) / seconds:,.0f} gradients per second"))
    if run.folder is not None:
        rows.append(("folder", str(run.folder)))
    return rows


@dataclass
class OneLine:
    """The screen of one run of a sweep: a single line at its end. On a terminal nothing, since the sweep has a
    table."""

    console: Console = field(default_factory=screen)
    label: str = ""

    def start(self, facts: Facts) -> None:
        self.label = facts.folder.name if facts.folder is not None else "run"

    def say(self, line: str) -> None:
        if self.label:  # without a start the run had ended before, and the last line says so
            text = line if self.label in line else f"{self.label}: {line}"
            self.console.print(text, soft_wrap=True)

    def event(self, event: Event) -> None:
        """Too many to show."""

    def block(self, columns: Columns) -> None:
        """Too many to show."""

    def metrics(self, row: Mapping[str, float | int | None]) -> None:
        """Too many to show."""

    def end(self, run: Run) -> None:
        if self.console.is_terminal:
            return
        measure = judged_by(run)
        label = self.label or f"{run.folder.name if run.folder else 'run'}: done before"
        line = f"{label}: {run.info['status']}, {metric_name(measure)} {final(run, measure):.4g}"
        self.console.print(line, soft_wrap=True)
