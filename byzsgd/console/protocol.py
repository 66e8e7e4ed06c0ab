"""`byzsgd protocol`: tunes, picks and reports, as sweeps that can be cut off and go on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.analysis.protocol import (
    FREE,
    JUDGE,
    MINIMAX,
    Picked,
    Protocol,
    compared,
    pick,
    rate,
    read,
    reporting_jobs,
    tuning_jobs,
)
from byzsgd.checks import require
from byzsgd.console.stages import Stages, Sweep, Unfinished

if TYPE_CHECKING:
    from byzsgd.analysis import Comparison
    from byzsgd.reporting import Table

PILOTS, TUNING, REPORTING = "pilots", "tuning", "reporting"  # folders of the stages


def run_protocol(parsed: argparse.Namespace, sweep: Sweep) -> int:
    """All stages, then the tables and the figure."""
    from byzsgd import config
    from byzsgd.console.output import console as screen
    from byzsgd.console.output import tell
    from byzsgd.plotting import heatmap, save
    from byzsgd.reporting import accuracy, to_rich, write

    file = config.named_file("protocol", parsed.protocol)
    known, folder = read(file), parsed.output or Path("outputs") / f"protocol_{file.stem}"
    stages = Stages(folder, parsed.overrides, sweep)
    try:
        picked, comparison = run_stages(known, stages)
    except Unfinished as unfinished:
        tell(f"byzsgd: {unfinished}; the same command goes on", sys.stderr)
        return 1
    console = screen()
    made = [steps_table(known, picked), accuracy(comparison, "test_accuracy", known.last)]
    for table in made:
        console.print(to_rich(table, console.width))
    figure = heatmap(comparison, metric="test_accuracy", last=known.last)
    for path in (*write(made, folder / "tables"), *save(figure, folder, "heatmap")):
        tell(path)
    return 0


def reported(file: Path, folder: Path) -> Comparison:
    """What a protocol has found that was run to its end before; ValueError where it was not."""
    try:
        return run_stages(read(file), Stages(folder, (), lambda _: 0))[1]
    except Unfinished as unfinished:
        raise ValueError(f"{folder} needs a protocol that was run to its end; got: {unfinished}") from unfinished


def run_stages(known: Protocol, stages: Stages) -> tuple[dict[str, Picked], Comparison]:
    """Tunes, picks and reports; Unfinished where a job has no result."""
    pilots = known.pilots()
    moved = stages.run(PILOTS, list(pilots.values()))
    rates = {server: rate(moved[job]) for server, job in pilots.items()}
    for server, found in rates.items():
        require(found > 0, f"the protocol's server {server}", "a pilot run that updates the model", updates=0)
    for run in moved.values():
        require(JUDGE in run.metrics.columns, "a protocol", "metrics.validation=true and a validation split",
                metrics=", ".join(run.metrics.columns))  # fmt: skip
    tuned = stages.run(TUNING, tuning_jobs(known, rates))
    picked = {server: pick(known, server, rates[server], tuned) for server in known.servers}
    report = stages.run(REPORTING, reporting_jobs(known, picked))
    return picked, compared(known, picked, report)


def steps_table(known: Protocol, picked: Mapping[str, Picked]) -> Table:
    """What was tried and what was chosen."""
    from byzsgd.reporting.table import Cell, Table

    def chosen(found: Picked, how: str) -> Cell:
        return Cell(f"{found.chosen[how]:g}" + " (edge)" * found.at_the_edge(how))

    grid = [f"m = {mass:g}" for mass in sorted(known.masses)]
    return Table(
        name="steps",
        title="Validation accuracy of each step mass, without attack / under the worst attack, and the steps chosen",
        headings=("server", "lr / m", *grid, f"{FREE} lr", f"{MINIMAX} lr"),
        rows=tuple(
            (
                Cell(server),
                Cell(f"{1 / found.rate:.3g}"),
                *(Cell(f"{free:.2f} / {worst:.2f}") for free, worst in zip(found.free, found.worst, strict=True)),
                chosen(found, FREE),
                chosen(found, MINIMAX),
            )
            for server, found in picked.items()
        ),
        labels=1,
        notes=(
            "m = lr · E[Λ] · updates/arrivals, measured on a run without attack. Edge: the grid may be too small. "
            f"Seeds {', '.join(map(str, known.tuning_seeds))}; median, mean of the last {known.last} evaluations.",
        ),
    )
