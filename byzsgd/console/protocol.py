"""`byzsgd protocol`: tunes, picks and reports. Each stage is a sweep, which can be cut off and goes on."""

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
    """Runs all stages, then prints the tables and draws the figure."""
    from byzsgd import config
    from byzsgd.console.output import console as screen
    from byzsgd.console.output import tell
    from byzsgd.plotting import heatmap, save
    from byzsgd.reporting import accuracy, to_rich, write

    file = config.named_file("protocol", parsed.protocol)
    plan, folder = read(file), parsed.output or Path("outputs") / f"protocol_{file.stem}"
    stages = Stages(folder, parsed.overrides, sweep)
    try:
        picked, comparison = run_stages(plan, stages)
    except Unfinished as unfinished:
        tell(f"byzsgd: {unfinished}; the same command goes on", sys.stderr)
        return 1
    console = screen()
    made = [steps_table(plan, picked), accuracy(comparison, "test_accuracy", plan.last)]
    for table in made:
        console.print(to_rich(table, console.width))
    figure = heatmap(comparison, metric="test_accuracy", last=plan.last)
    for path in (*write(made, folder / "tables"), *save(figure, folder, "heatmap")):
        tell(path)
    return 0


def reported(file: Path, folder: Path) -> Comparison:
    """The comparison of a protocol that was run to its end before; ValueError where it was not."""
    try:
        return run_stages(read(file), Stages(folder, (), lambda _: 0))[1]
    except Unfinished as unfinished:
        raise ValueError(f"{folder} needs a protocol that was run to its end; got: {unfinished}") from unfinished


def run_stages(plan: Protocol, stages: Stages) -> tuple[dict[str, Picked], Comparison]:
    """The picked steps of each server, and the comparison of the reported runs; Unfinished where a job has no
    result."""
    pilots = plan.pilots()
    moved = stages.run(PILOTS, list(pilots.values()))
    rates = {server: rate(moved[job]) for server, job in pilots.items()}
    for server, mass in rates.items():
        require(mass > 0, f"the protocol's server {server}", "a pilot run that updates the model", updates=0)
    for run in moved.values():
        require(JUDGE in run.metrics.columns, "a protocol", "metrics.validation=true and a validation split",
                metrics=", ".join(run.metrics.columns))  # fmt: skip
    tuned = stages.run(TUNING, tuning_jobs(plan, rates))
    picked = {server: pick(plan, server, rates[server], tuned) for server in plan.servers}
    report = stages.run(REPORTING, reporting_jobs(plan, picked))
    return picked, compared(plan, picked, report)


def steps_table(plan: Protocol, picked: Mapping[str, Picked]) -> Table:
    """The table of the steps that were tried, and of those that were picked."""
    from byzsgd.reporting.table import Cell, Table

    def chosen(choice: Picked, how: str) -> Cell:
        return Cell(f"{choice.chosen[how]:g}" + " (edge)" * choice.at_the_edge(how))

    grid = [f"m = {mass:g}" for mass in sorted(plan.masses)]
    return Table(
        name="steps",
        title="Validation accuracy of each step mass, without attack / under the worst attack, and the steps chosen",
        headings=("server", "lr / m", *grid, f"{FREE} lr", f"{MINIMAX} lr"),
        rows=tuple(
            (
                Cell(server),
                Cell(f"{1 / choice.rate:.3g}"),
                *(Cell(f"{free:.2f} / {worst:.2f}") for free, worst in zip(choice.free, choice.worst, strict=True)),
                chosen(choice, FREE),
                chosen(choice, MINIMAX),
            )
            for server, choice in picked.items()
        ),
        labels=1,
        notes=(
            "m = lr · E[Λ] · updates/arrivals, measured on a run without attack. Edge: the grid may be too small. "
            f"Seeds {', '.join(map(str, plan.tuning_seeds))}; median, mean of the last {plan.last} evaluations.",
        ),
    )
