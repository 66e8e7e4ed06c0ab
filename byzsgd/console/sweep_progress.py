"""The screen of a sweep: a table that is refreshed while it runs, or plain lines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from byzsgd.console.vocabulary import COLOURS, percent
from byzsgd.records.progress import ORDER, RunProgress, Sweep

EVERY = 1.0  # seconds between two refreshes
MOST_ROWS = 20  # rows of each state


def lines(sweep: Sweep) -> Iterator[str]:
    """The sweep as plain lines: the runs that are neither done nor waiting, and the headline last."""
    for each in _shown(sweep):
        yield ", ".join(filter(None, (f"{each.state}: {each.folder.name}", _percent(each), each.judged, each.news)))
    yield _headline(sweep)


def table(sweep: Sweep) -> Group:
    """The sweep as a table for a terminal."""
    grid = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column(no_wrap=True)
    grid.add_column(width=8)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for each in _shown(sweep):
        bar = ProgressBar(total=1.0, completed=each.share, width=8) if each.share else Text("")
        label = _middle(each.folder.name) + (f": {each.news}" if each.news else "")
        grid.add_row(Text(each.state, style=COLOURS.get(each.state, "")), bar, _percent(each), each.judged, Text(label))
    return Group(grid, Text(_headline(sweep)))


@contextmanager
def following(sweep: Sweep, console: Console) -> Iterator[None]:
    """While the jobs run, here or in other processes, shows the table and a line for every run that ends. If the output
    is no terminal, shows nothing: there the runs print their own lines."""
    if not console.is_terminal:
        yield
        return
    before = {each.folder for each in sweep.look().runs if each.state in ("done", "failed")}
    over = threading.Event()
    with Live(table(sweep), console=console, auto_refresh=False, transient=True) as live:

        def refresh() -> None:
            for each in sweep.look().runs:
                if each.state in ("done", "failed") and each.folder not in before:
                    before.add(each.folder)
                    live.console.print(_ended(each), highlight=False, soft_wrap=True)
            live.update(table(sweep), refresh=True)

        def keep_looking() -> None:
            while not over.wait(EVERY):
                refresh()

        thread = threading.Thread(target=keep_looking, name="sweep progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            refresh()


def _shown(sweep: Sweep) -> Iterator[RunProgress]:
    """The runs to show: up to MOST_ROWS of each state but done and waiting; a folder that is a run itself always."""
    if sweep.is_run:
        yield sweep.runs[0]
        return
    for state in ORDER[:3]:
        yield from [each for each in sweep.runs if each.state == state][:MOST_ROWS]


def _headline(sweep: Sweep) -> str:
    if not sweep.total:
        return f"no run in {sweep.folder}"
    return f"{sweep.folder}: {sweep.headline}"


def _ended(run: RunProgress) -> str:
    return ", ".join(filter(None, (f"{run.folder.name}: {run.news or run.state}", run.judged)))


def _percent(run: RunProgress) -> str:
    return percent(run.share) if run.share else ""


def _middle(name: str) -> str:
    """The readable part of a folder's name: the overrides, without the identity at its end."""
    return name.rpartition("__")[0] or name
