"""Runs as one table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from byzsgd.checks import leaves
from byzsgd.records import Run, find_runs, load


def frame(source: str | Path | Run | Iterable[Run]) -> pl.DataFrame:
    """The metrics of all runs in a folder, or of these runs, in one polars frame with a row per evaluation.

    Its other columns are `run` (the folder's name), `status`, the chosen members and every setting (`aggregator`,
    `optimizer.lr`). A setting that a run does not have is null; lists are texts. ValueError where there is no run.
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
    """The runs of a folder; or the run, or runs, themselves."""
    if isinstance(source, str | Path):
        return [load(folder) for folder in find_runs(source)]
    return [source] if isinstance(source, Run) else list(source)


def _settings(run: Run) -> dict[str, object]:
    found = ((key, value) for key, value in leaves(run.config) if not key.rpartition(".")[2].startswith("_"))
    return {key: str(value) if isinstance(value, list | tuple) else value for key, value in found}
