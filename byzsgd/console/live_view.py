"""`byzsgd watch`: a live view of runs. It reads their records and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from byzsgd.analysis import as_seen, compare
from byzsgd.analysis.frames import readable
from byzsgd.analysis.outcomes import accepted, measure_of
from byzsgd.console.output import console as screen
from byzsgd.console.output import fitted
from byzsgd.console.vocabulary import BYZANTINE, COLOURS, HONEST, NOTHING, metric_name, percent
from byzsgd.records import Run, find_runs, is_locked, spent_share
from byzsgd.records.judged import judged
from byzsgd.records.progress import Sweep, duration
from byzsgd.records.run import ENDED

SILENT = 120.0  # seconds without a write after which the view calls a run silent
BARS = "▁▂▃▄▅▆▇█"
SPARKS = 10  # bars of the small curve
MOST_ROWS = 40
GIVES_WAY = ("updates", "progress", "so far", "arrivals", BYZANTINE, HONEST)  # columns that a narrow screen drops first


@dataclass
class Glance:
    """The runs of a folder. A run is read again only if something in its folder has changed."""

    runs: dict[Path, tuple[float, Run]] = field(default_factory=dict)
    troubles: dict[Path, str] = field(default_factory=dict)

    def look(self, folder: Path) -> list[tuple[Run, float]]:
        """Each run with the time of its last write, in the order of their folders."""
        paths = find_runs(folder) if folder.is_dir() else []
        self.troubles.clear()
        for path in paths:
            changed = _changed(path)
            if path in self.runs and self.runs[path][0] == changed:
                continue
            try:
                run, _ = readable(path)  # its warnings concern a part that is being written
                self.runs[path] = (changed, as_seen(run))
            except ValueError as error:
                self.troubles[path] = str(error)
        return [(self.runs[path][1], self.runs[path][0]) for path in paths if path in self.runs]


def watch(folder: Path, *, every: float = 1.0, console: Console | None = None) -> int:
    """Shows the runs in a folder until all have ended, or until Ctrl-C. If the output is no terminal, shows them once.

    Returns the number of runs. ValueError when the folder does not exist.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    console = console or screen()
    glance = Glance()
    seen = glance.look(folder)

    def shown() -> Group:
        return view(folder, seen, glance.troubles, time.time(), console.width)

    if not console.is_terminal:
        console.print(shown())
        return len(seen)
    try:
        with Live(shown(), console=console, auto_refresh=False) as live:
            while not seen or any(_status(run, changed, time.time()) == "running" for run, changed in seen):
                time.sleep(every)
                seen = glance.look(folder)
                live.update(shown(), refresh=True)
    except KeyboardInterrupt:
        pass
    return len(seen)


def view(
    folder: Path, seen: Sequence[tuple[Run, float]], troubles: Mapping[Path, str], now: float, width: int
) -> Group:
    """The table at one moment: running runs first, then the others by their last write. A line above it counts them and
    estimates the time left."""
    if not seen and not troubles:
        return Group(Text(f"no run in {folder} yet"))
    states = [(run, changed, _status(run, changed, now)) for run, changed in seen]
    states.sort(key=lambda state: (state[2] != "running", -state[1]))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("run", overflow="fold", min_width=16)
    table.add_column("status", no_wrap=True)
    measure = metric_name(measure_of([run for run, _ in seen])).removeprefix("test ")
    for heading in ("done", "progress", "so far", measure, HONEST, BYZANTINE, "arrivals", "updates"):
        table.add_column(heading, justify="right", no_wrap=True)
    names = _names(folder, [run for run, _ in seen])
    for run, _, status in states[:MOST_ROWS]:
        table.add_row(names[id(run)], *_row(run, status))
    left = Sweep(folder).look().remaining()
    head = f"{folder}: {_counted([state for _, _, state in states])}" + (
        f"; about {duration(left)} left" if left else ""
    )
    parts: list[RenderableType] = [Text(head), fitted(table, width, GIVES_WAY)]
    if len(states) > MOST_ROWS:
        parts.append(Text(f"and {len(states) - MOST_ROWS} more"))
    parts += [Text(f"{path.name}: {trouble}", style="yellow") for path, trouble in troubles.items()]
    return Group(*parts)


def _names(folder: Path, runs: Sequence[Run]) -> dict[int, str]:
    """A name for each run: the settings in which the runs differ; of a single run its folder."""
    if not runs:
        return {}
    comparison = compare(runs)
    names = {}
    for group in comparison.groups:
        label = group.label(comparison.keys)
        for run in group.runs:
            name = ", ".join(filter(None, (label, f"seed {run.config.get('seed')}")))
            names[id(run)] = name if len(runs) > 1 else run.folder.name if run.folder else folder.name
    return names


def _row(run: Run, status: str) -> list[RenderableType]:
    last = run.metrics[-1].to_dicts()[0] if len(run.metrics) else {}
    done = share(run)
    over = status in (*ENDED, "failed")
    metric = judged(last)
    return [
        Text(status, style=COLOURS.get(status, "yellow")),
        percent(1.0 if over else done),
        ProgressBar(total=1.0, completed=1.0 if over else done, width=8),
        spark(run),
        NOTHING if metric is None else f"{metric[1]:.3f}",
        percent(accepted(run, byzantine=False)),
        percent(accepted(run, byzantine=True)),
        f"{max(len(run.arrivals), last.get('arrivals') or 0):,}",
        f"{last.get('step') or 0:,}",
    ]


def share(run: Run) -> float:
    """The largest share of its budget that a run has spent."""
    last = run.metrics[-1].to_dicts()[0] if len(run.metrics) else {}
    return spent_share(run.config, {**last, "arrivals": max(len(run.arrivals), last.get("arrivals") or 0)})


def spark(run: Run) -> str:
    """The accuracy over the run so far, as a line of small bars."""
    if "test_accuracy" not in run.metrics.columns:
        return ""
    values = run.metrics["test_accuracy"].drop_nulls().drop_nans().to_list()
    if len(values) > SPARKS:
        values = [values[round(index * (len(values) - 1) / (SPARKS - 1))] for index in range(SPARKS)]
    return "".join(BARS[min(len(BARS) - 1, int(max(0.0, value) * len(BARS)))] for value in values)


def _status(run: Run, changed: float, now: float) -> str:
    """The recorded status of a run. If it has not ended, its lock says whether a process is computing it or it was cut
    off."""
    status = str(run.info.get("status"))
    if status in (*ENDED, "failed") or run.info.get("reason"):  # with a reason it stopped: interrupted, or without DONE
        return status
    if run.folder is None or not is_locked(run.folder):
        return "broken"
    quiet = now - changed
    return "running" if quiet < SILENT else f"silent for {quiet / 60:.0f} min"


def _changed(folder: Path) -> float:
    """The time of the last write in a run folder."""
    paths = [folder, *folder.iterdir(), *(folder / "arrivals").glob("*")]
    times = []
    for path in paths:
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:  # renamed after it was listed
            continue
    return max(times, default=0.0)


def _counted(states: Sequence[str]) -> str:
    names = (*ENDED, "failed", "running")
    order = sorted(set(states), key=lambda state: (names.index(state) if state in names else len(names), state))
    return ", ".join(f"{states.count(state)} {state}" for state in order) or "nothing readable"
