"""The commands plot, compare, report, status and watch read run folders and change nothing. `protocol` and `reproduce`
start sweeps. `new` writes source files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from byzsgd.checks import require
from byzsgd.console.new_member import KINDS, new_member
from byzsgd.console.output import tell
from byzsgd.console.vocabulary import MISTAKE
from byzsgd.plotting.kinds import KINDS as FIGURES
from byzsgd.plotting.kinds import Askable

if TYPE_CHECKING:
    from byzsgd.analysis import Recorded
    from byzsgd.records import Run
    from byzsgd.reporting import Table


class Commands(Protocol):
    """The commands of a parser, as `argparse.ArgumentParser.add_subparsers` gives them."""

    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser: ...


def add_commands(commands: Commands, sweep: Callable[[list[str]], int]) -> None:
    """Adds these commands to the parser. `sweep`: runs a sweep (overrides -> exit code)."""
    plotting = _command(commands, "plot", plot, "draw figures from the folders of runs or sweeps")
    plotting.add_argument("--kind", action="append", choices=Askable(FIGURES), metavar="KIND",
                          help="a figure, or several (default: all that fit), or module:function of your own: "
                               f"{', '.join(FIGURES)}")  # fmt: skip
    plotting.add_argument(
        "--x", action="append", help="axis of curves: arrivals (default), updates, time, bits, bits_per_worker"
    )
    plotting.add_argument("--width", choices=("column", "page"), help="of a page with two columns (default: as needed)")
    plotting.add_argument("--format", default="png,svg", help="png, svg, pdf, separated by commas (default: png,svg)")
    plotting.add_argument("--select", action="append", default=[], metavar="KEY=VALUE,…",
                          help="only these runs: --select aggregator=kardam,krum --select seed=0")  # fmt: skip
    plotting.add_argument("--list", action="store_true",
                          help="say which kinds these runs have rows for, what others need; draw nothing")  # fmt: skip
    plotting.add_argument("--output", type=Path, help="where to (default: figures/ in the folder)")
    comparing = _command(
        commands, "compare", compare, "tables over seeds: outcomes, paired differences, filter mistakes"
    )
    comparing.add_argument("--format", default="csv,md,tex", help="files to write: csv, md, tex, separated by commas")
    comparing.add_argument("--columns", action="append", default=[], metavar="HEADING,…",
                           help="only these columns beside the names: --columns 'final accuracy'")  # fmt: skip
    comparing.add_argument("--against", metavar="CSV",
                           help="beside the table of a protocol or study: its CSV, or `reference`")  # fmt: skip
    comparing.add_argument("--output", type=Path, help="where to write the tables (default: only the screen)")
    reporting = _command(commands, "report", report, "one self-contained HTML page for a run or a sweep")
    reporting.add_argument("--output", type=Path, help="a file or folder (default: report.html in the folder)")
    reporting.add_argument("--trust", action="store_true", help="open a study of Optuna wherever the folder says it is")
    reporting.add_argument("--title", default="", help="of the page (default: the heading of notes.md beside the runs)")
    _command(commands, "status", status, "how far sweeps and runs are: done, running, broken, failed, waiting")
    watching = _command(commands, "watch", watch, "a live view of running runs")
    watching.add_argument("--every", type=float, default=1.0, help="seconds between two looks")
    text = "servers on equal terms: tunes the step of each on validation data, reports on other seeds"
    tuning = commands.add_parser("protocol", help=text, description=text)
    tuning.add_argument("protocol", metavar="PROTOCOL", help="a name in conf/protocol, or a YAML file")
    tuning.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="of every run, or hydra/launcher=joblib …")
    tuning.add_argument("--output", type=Path, help="where to (default: outputs/protocol_NAME)")
    tuning.set_defaults(command=lambda parsed: protocol(parsed, sweep))
    text = "a published claim put to the test: runs its study, draws its figures, says what was claimed and measured"
    studying = commands.add_parser("reproduce", help=text, description=text)
    studying.add_argument("study", nargs="?", metavar="STUDY", help="a name in conf/study, or a YAML file")
    studying.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="of every run, or hydra/launcher=joblib …")
    studying.add_argument("--list", action="store_true", help="say which studies there are")
    studying.add_argument("--scale", default="small", metavar="SCALE",
                          help="small (minutes), full (the size of the paper), tiny (a trial)")  # fmt: skip
    studying.add_argument("--dry-run", action="store_true", help="say what it costs; run nothing")
    studying.add_argument("--output", type=Path, help="where to (default: outputs/study_NAME_SCALE)")
    studying.add_argument("--publish", type=Path, metavar="FOLDER", help="write its page there: docs/studies")
    studying.set_defaults(command=lambda parsed: reproduce(parsed, sweep))
    text = "a member of your own in a checkout: its files, its lines in others, its twin; it passes the laws at once"
    adding = commands.add_parser("new", help=text, description=text)
    adding.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    adding.add_argument("name", metavar="NAME", help="as in configurations: my_rule")
    adding.set_defaults(command=lambda parsed: new_member(parsed.kind, parsed.name))


def plot(parsed: argparse.Namespace) -> int:
    """Figures from run folders."""
    from byzsgd.console.selection import selected
    from byzsgd.plotting import draw, drawable

    among, code = _runs(parsed.folders)
    runs = selected(among, parsed.select)
    if parsed.list:
        fitting, others = drawable(runs)
        for kind in fitting:
            print(kind)
        for sentence in others:
            tell(f"byzsgd: {sentence}", sys.stderr)
        return code
    options = {"kinds": parsed.kind, "formats": parsed.format.split(","), "width": parsed.width, "among": among}
    if parsed.x:
        options["x"] = parsed.x
    for path in draw(runs, parsed.output or _figures(parsed), law_of=_law_of, **options):
        tell(path)
    return code


def compare(parsed: argparse.Namespace) -> int:
    """Tables of several runs."""
    from byzsgd.console.output import console as screen
    from byzsgd.reporting import chosen, require_formats, tables, to_rich, write

    formats, console = parsed.format.split(","), screen()
    require_formats(formats)
    runs, code = _runs(parsed.folders)
    made = [_against(runs, parsed.against)] if parsed.against else tables(runs)
    if parsed.columns:
        made = chosen(made, [name.strip() for word in parsed.columns for name in word.split(",")])
    for table in made:
        console.print(to_rich(table, console.width))
    for path in write(made, parsed.output, formats) if parsed.output else ():
        tell(path)
    return code


def _against(runs: Sequence[Run], table: str) -> Table:
    from byzsgd import config
    from byzsgd.analysis import compare as compare_runs
    from byzsgd.reporting.against import against, read_reference

    file = config.reference_file() if table == "reference" else Path(table)
    return against(compare_runs(runs), read_reference(file), table)


def report(parsed: argparse.Namespace) -> int:
    """One page for a browser."""
    from byzsgd.reporting import report as write_report

    runs, code = _runs(parsed.folders)
    tell(write_report(runs, parsed.output or _beside(parsed), title=parsed.title, trust=parsed.trust))
    return code


def status(parsed: argparse.Namespace) -> int:
    """How far runs are, also those that another terminal started."""
    from byzsgd.console.output import console as screen
    from byzsgd.console.sweep_progress import lines, table
    from byzsgd.records.progress import Sweep

    console = screen()
    for folder in parsed.folders:
        if not folder.is_dir():
            raise ValueError(f"{folder} is no folder")
        sweep = Sweep(folder).look()
        if console.is_terminal:
            console.print(table(sweep))
        else:
            for line in lines(sweep):
                console.print(line, soft_wrap=True)
    return 0


def watch(parsed: argparse.Namespace) -> int:
    """A live view of running runs."""
    from byzsgd.console.live_view import watch as look

    require(parsed.every > 0, "watch", "every > 0 seconds", every=parsed.every)
    for folder in parsed.folders:
        look(folder, every=parsed.every)
    return 0


def protocol(parsed: argparse.Namespace, sweep: Callable[[list[str]], int]) -> int:
    """Tunes the servers of a protocol, picks their steps and reports."""
    from byzsgd.console.protocol import run_protocol

    return run_protocol(parsed, sweep)


def reproduce(parsed: argparse.Namespace, sweep: Callable[[list[str]], int]) -> int:
    """Runs a study of a published claim."""
    from byzsgd.console.reproduce import reproduce as run_study

    return run_study(parsed, sweep)


def _command(commands: Commands, name: str, function: object, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.set_defaults(command=function)
    return parser


def _runs(folders: Iterable[Path]) -> tuple[list[Run], int]:
    """The runs that can be read, and the exit code: MISTAKE if others cannot. A line names each of those."""
    from byzsgd.analysis import compare as compare_runs
    from byzsgd.analysis.frames import Readings
    from byzsgd.records import find_runs

    folders = list(folders)
    paths = {path.resolve(): path for folder in folders for path in find_runs(folder)}  # each folder once
    require(bool(paths), "byzsgd", "a folder with at least one run in it", folder=", ".join(map(str, folders)))
    readings = Readings.of(paths.values())
    runs = readings.some()
    notes = [*readings.notes, *compare_runs(runs).notes]
    if unknown := sum(run.vouched is None for run in runs):
        doubt = "runs ended before DONE vouched for settings and model: whether they are as they were is unknown"
        notes.append(f"{unknown} of {len(runs)} {doubt}")
    for note in notes:
        tell(f"byzsgd: {note}", sys.stderr)
    return runs, MISTAKE if readings.troubles else 0


def _beside(parsed: argparse.Namespace) -> Path:
    """The default folder of the output: the one folder that was given, else `outputs`."""
    return Path(parsed.folders[0]) if len(parsed.folders) == 1 else Path("outputs")


def _figures(parsed: argparse.Namespace) -> Path:
    """The default folder of figures. ValueError where it is a link that leads out of the folder of the runs."""
    from byzsgd.records.reading import require_inside

    folder = _beside(parsed)
    require_inside(folder, "figures")
    return folder / "figures"


def _law_of(run: Recorded) -> Any:
    """The law of a run's delays by its configuration; None where that cannot be built here."""
    from byzsgd import config

    try:
        return config.part(run.config["delay"], "byzsgd.delays")
    except (ValueError, TypeError, KeyError, ArithmeticError, MemoryError):
        return None
