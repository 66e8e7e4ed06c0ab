"""Runs as one table, and which runs of a folder can be looked at."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from byzsgd.analysis.groups import compare
from byzsgd.checks import leaves
from byzsgd.records import Run, find_runs, load

WIDEST = 2**127  # whole numbers below it are numbers of a table


def frame(source: str | Path | Run | Iterable[Run]) -> pl.DataFrame:
    """The metrics of all runs in a folder, or of these runs, in one polars frame with a row per evaluation.

    Its other columns are `run` (the folder's name), `status`, the chosen members and every setting (`aggregator`,
    `optimizer.lr`). A setting that a run does not have is null; lists are texts. A damaged run of the folder is left
    out, and a UserWarning of one line names it (`warnings.simplefilter("error")` raises instead). ValueError where
    there is no run, or none that can be read.
    """
    runs = runs_of(source)
    if not runs:
        raise ValueError(f"frame needs at least one run; got none in {source}")
    tables = []
    for number, run in enumerate(runs):
        name = run.folder.name if run.folder else str(number)
        facts = {"run": name, "status": run.info.get("status"), **run.choices, **_settings(run)}
        kept = {key: value for key, value in facts.items() if key not in run.metrics.columns}
        tables.append(run.metrics.select(*(pl.lit(value).alias(key) for key, value in kept.items()), pl.all()))
    return pl.concat(tables, how="diagonal_relaxed")


def runs_of(source: str | Path | Run | Iterable[Run]) -> list[Run]:
    """The runs that a folder holds, or that are given; what is wrong in the folder as `frame` has it."""
    if isinstance(source, Run):
        return [source]
    if not isinstance(source, str | Path):
        return list(source)
    readings = Readings.of(find_runs(source))
    runs = readings.some()
    for note in readings.notes:
        warnings.warn(note, stacklevel=3)
    return runs


@dataclass(frozen=True)
class Readings:
    """The runs that could be read, warnings about them, and the mistakes in the others, a line each."""

    runs: list[Run] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folders: Iterable[Path]) -> Readings:
        """Those of these folders."""
        read = cls()
        for folder in folders:
            try:
                run, news = readable(folder)
                read.runs.append(run)
                read.warnings.extend(news)
            except ValueError as error:
                read.troubles.append(str(error))
        return read

    def some(self) -> list[Run]:
        """The runs; ValueError where none of them could be read."""
        if self.troubles and not self.runs:
            raise ValueError(self.troubles[0])
        return self.runs

    @property
    def notes(self) -> list[str]:
        """Warnings and mistakes, as people read them."""
        return [*self.warnings, *(f"left out: {trouble}" for trouble in self.troubles)]


def readable(folder: Path) -> tuple[Run, list[str]]:
    """A run, and warnings about it; ValueError in one line names what is damaged."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = load(folder)
        try:
            compare([run])
        except (TypeError, AttributeError, LookupError, ArithmeticError) as error:
            raise ValueError(f"{folder} is damaged: its settings are not those of a run ({error})") from error
    return run, [str(each.message) for each in caught]


def _settings(run: Run) -> dict[str, object]:
    plain = ((key, value) for key, value in leaves(run.config) if not key.rpartition(".")[2].startswith("_"))
    return {key: _cell(value) for key, value in plain}


def _cell(value: object) -> object:
    is_text = isinstance(value, list | tuple) or (isinstance(value, int) and not -WIDEST <= value < WIDEST)
    return str(value) if is_text else value
