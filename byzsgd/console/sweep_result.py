"""The closing table of a sweep."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import mean

from rich.box import SIMPLE_HEAD
from rich.table import Table

from byzsgd.analysis import Group, compare
from byzsgd.analysis.estimates import estimate, named
from byzsgd.analysis.frames import Readings
from byzsgd.analysis.outcomes import accepted, measure_of, outcome
from byzsgd.console.output import console as screen
from byzsgd.console.output import fitted
from byzsgd.console.vocabulary import BYZANTINE, HONEST, as_argument, metric_name, percent

GIVES_WAY = ("status", HONEST, BYZANTINE, "seeds")  # columns that a narrow screen drops first


def show_sweep(folders: Iterable[Path], folder: Path) -> None:
    """Prints the closing table of a sweep: one row for each setting, over its seeds."""
    console = screen()
    readings = Readings.of(folders)
    runs = readings.runs
    for note in readings.notes:
        console.print(note, soft_wrap=True)
    if not runs:
        console.print(f"no result in {folder}", soft_wrap=True)
        return
    comparison = compare(runs)
    judged = measure_of(runs)
    statistic = named([len(group.runs) for group in comparison.groups])
    title = f"{folder}: final {metric_name(judged)}{statistic and ', '}{statistic}, and shares of vectors accepted"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
    for key in comparison.keys:
        table.add_column(key, no_wrap=True)
    fates = [_fate(group) for group in comparison.groups]
    for heading in ("seeds", metric_name(judged), HONEST, BYZANTINE, *["status"] * any(fates)):
        table.add_column(heading, justify="right", no_wrap=True)
    for group, fate in zip(comparison.groups, fates, strict=True):
        table.add_row(
            *(str(group.values[key]) for key in comparison.keys),
            str(len(group.runs)),
            estimate(outcome(run, judged) for run in group.runs).text(),
            *(_share(accepted(run, byzantine=byzantine) for run in group.runs) for byzantine in (False, True)),
            *[fate] * any(fates),
        )
    console.print(fitted(table, console.width, GIVES_WAY))
    for note in comparison.notes:
        console.print(note, soft_wrap=True)
    console.print(f"next: byzsgd plot {as_argument(folder)}", soft_wrap=True)


def _fate(group: Group) -> str:
    """How the runs of a group ended, if not all of them finished or diverged; else empty."""
    statuses = Counter(str(run.info.get("status")) for run in group.runs)
    others = {status: count for status, count in statuses.items() if status not in ("finished", "diverged")}
    return ", ".join(status if len(statuses) == 1 else f"{count} {status}" for status, count in others.items())


def _share(shares: Iterable[float]) -> str:
    measured = [share for share in shares if not math.isnan(share)]
    return percent(mean(measured) if measured else math.nan)
