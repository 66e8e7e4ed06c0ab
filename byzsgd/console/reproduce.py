"""`byzsgd reproduce`: runs a study, draws its figures, and shows claims beside measurements."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.checks import require
from byzsgd.console.output import tell
from byzsgd.console.protocol import run_stages
from byzsgd.console.stages import Stages, Sweep, Unfinished

if TYPE_CHECKING:
    from byzsgd.analysis.protocol import Protocol
    from byzsgd.analysis.recorded import Recorded
    from byzsgd.reporting import Table
    from byzsgd.studies import Finding, Grid, Results, Study

PILOTS, RUNS = "pilots", "runs"  # folders of the stages of a grid


def reproduce(parsed: argparse.Namespace, sweep: Sweep) -> int:
    """Runs a whole study; with --list or --dry-run only lists or estimates."""
    from byzsgd import config

    if parsed.list or parsed.study is None:
        require(parsed.list, "reproduce", "the name of a study, or --list", study="none")
        for name in config.named_files("study"):
            print(f"{name:<24}{_study(name).title}")
        return 0
    study = _study(parsed.study)
    plan = study.at(parsed.scale)
    folder = parsed.output or Path("outputs") / f"study_{study.name}_{parsed.scale}"
    stages = Stages(folder, parsed.overrides, sweep)
    if parsed.dry_run:
        return _cost(study, plan, stages)
    try:
        results, runs = _made(plan, stages)
    except Unfinished as unfinished:
        tell(f"byzsgd: {unfinished}; the same command goes on", sys.stderr)
        return 1
    command = " ".join(["byzsgd reproduce", study.name, *parsed.overrides, f"--scale {parsed.scale}"])
    _show(study, results, runs, command, parsed, folder)
    return 0


def _study(name: str) -> Study:
    from byzsgd import config
    from byzsgd.studies import read_study

    return read_study(config.named_file("study", name), lambda each: config.named_file("protocol", each))


def _made(plan: Grid | Protocol, stages: Stages) -> tuple[Results, Sequence[Recorded]]:
    from byzsgd import config
    from byzsgd.analysis import compare
    from byzsgd.analysis.protocol import Protocol, rate
    from byzsgd.studies import Results, pilot_of

    if isinstance(plan, Protocol):
        picked, comparison = run_stages(plan, stages)
        return Results(comparison, picked, plan.last), comparison.runs
    jobs = plan.jobs(config.jobs_of)
    if plan.masses:
        pilots = list(dict.fromkeys(map(pilot_of, jobs)))
        rates = {job: rate(run) for job, run in stages.run(PILOTS, pilots).items()}
        for job, mass in rates.items():
            require(mass > 0, f"the pilot {' '.join(job)}", "updates of the model", updates=0)
        jobs = plan.with_steps(rates, config.jobs_of)
    runs = list(stages.run(RUNS, jobs).values())
    return Results(compare(runs)), runs


def _show(
    study: Study, results: Results, runs: Sequence[Recorded], command: str, parsed: argparse.Namespace, folder: Path
) -> None:
    """Prints the table, draws the figures, and with --publish writes the page."""
    from byzsgd.console.output import console as screen
    from byzsgd.plotting import save
    from byzsgd.reporting import accuracy, to_rich, write
    from byzsgd.studies import look_of, publish, record_of

    look, console = look_of(study.name), screen()
    findings = list(look.findings(results))
    heading = (study.name, study.title, study.claim, study.source)
    table = table_of(study, findings)
    console.print(to_rich(table, console.width))
    figures = look.figures(results)
    drawn = {name: save(figure, folder / "figures", name) for name, figure in figures.items()}
    for path in (*write([table], folder / "tables"), *(path for paths in drawn.values() for path in paths)):
        tell(path)
    if parsed.publish is None:
        return
    shown = {}
    for name, figure in figures.items():
        (path,) = save(figure, parsed.publish, f"{study.name}-{name}", ("png",))
        shown[path.name] = name
    for path in publish(record_of(heading, command, parsed.scale, runs, findings), parsed.publish, shown):
        tell(path)
    if results.picked is not None:
        reference = replace(accuracy(results.comparison, "test_accuracy", results.last), name=study.name)
        for path in write([reference], parsed.publish, ["csv"]):
            tell(path)


def table_of(study: Study, findings: Sequence[Finding]) -> Table:
    """The table of what was claimed beside what was measured."""
    from byzsgd.reporting.table import Cell, Table

    return Table(
        name="findings",
        title=study.title,
        headings=("what", "claimed", "measured", "runs", "the claim"),
        rows=tuple(
            (Cell(row.what), Cell(row.claimed), Cell(row.measured), Cell(str(row.runs)), Cell(row.verdict))
            for row in findings
        ),
        labels=1,
        notes=(f"{study.claim} ({study.source})",),
    )


def _cost(study: Study, plan: Grid | Protocol, stages: Stages) -> int:
    """Prints the cost of a study: jobs, delivered gradients, and the time by short trials."""
    from byzsgd import config
    from byzsgd.console.cost import estimated, jobs_of_stages

    counted = jobs_of_stages(plan, config.jobs_of)
    total = sum(len(jobs) for jobs in counted.values())
    cost = estimated([job for jobs in counted.values() for job in jobs], stages.settings)
    stagewise = ", ".join(f"{len(jobs):,} {name}" for name, jobs in counted.items())
    print(f"{study.name}: {total:,} runs at the most ({stagewise}), {cost.gradients:,} delivered gradients")
    done = stages.finished()
    tell(f"finished in {stages.folder}: {done:,}")
    print(f"about {cost.words()} on one core of this machine" if cost.seconds is not None else f"time: {cost.why}")
    return 0
