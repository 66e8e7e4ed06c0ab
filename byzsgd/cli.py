"""The command line: it parses, calls a command and chooses the exit code. Slow imports stand within the commands, so
`--help` and `list` answer at once."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import platform
import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from byzsgd import __version__
from byzsgd.console.commands import add_commands
from byzsgd.console.completion import commands_of
from byzsgd.console.output import loading, speak_any_encoding, tell
from byzsgd.console.vocabulary import FAILURE, MISTAKE, as_argument

if TYPE_CHECKING:
    from byzsgd.config import Command, Failure, Permission, SweepTarget
    from byzsgd.run import Experiment

# At exit Python searches all objects of PyTorch for cycles, which takes a quarter of the time of its import.
atexit.register(gc.freeze)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. A mistake is one line on stderr; with HYDRA_FULL_ERROR=1 a
    traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    speak_any_encoding()
    if not given:
        _parser().print_help(sys.stderr)
        return MISTAKE
    try:
        if given[0] == "help":
            given = [*given[1:2], "--help"]
        if given[:1] == ["train"]:  # everything after it belongs to Hydra's grammar
            return train(given[1:])
        parsed = _parser().parse_args(given)
        command: Callable[[argparse.Namespace], int] = parsed.command
        return command(parsed)
    except KeyboardInterrupt as stop:
        folder = getattr(stop, "folder", None)
        way = f"byzsgd resume {as_argument(folder)}" if folder else "byzsgd resume FOLDER"
        tell(f"byzsgd: interrupted; the same command, or {way}, goes on", sys.stderr)
        return 128 + getattr(stop, "number", signal.SIGINT)
    except BrokenPipeError:  # the reader of our output has ended: `byzsgd list | head`
        return _without_reader(given)
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # rich turns it into an exit
            return _without_reader(given)
        raise
    except Exception as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        code, sentence = _explained(error)
        tell(f"byzsgd: {sentence}", sys.stderr)
        return code


def _without_reader(given: Sequence[str]) -> int:
    """The exit code when nobody reads our output any more. That ends a command that only shows something; it cuts off a
    run."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if given[0] not in ("train", "resume"):
        return 0
    tell("byzsgd: cut off, for nobody reads its output any more; the same command goes on", sys.stderr)
    return FAILURE


def train(arguments: list[str]) -> int:
    """One run, or a sweep, with -m or `hydra.mode`."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(_train_help())
        return 0
    from byzsgd import config

    command = config.read(arguments)
    if command.question:
        config.answer(command)
        return 0
    with loading():
        target = config.target_of(command)  # before a folder is made: it reports all mistakes that show without a run
    if isinstance(target, config.SweepTarget):
        return _sweep(command, target)
    if target.finished is not None:
        from byzsgd.console.run_screen import Terminal

        target.finished.run(target.folder, Terminal())  # without Hydra, which would write into its folder
    else:
        config.launch(_run, command)
    return 0


def resume(parsed: argparse.Namespace) -> int:
    """Goes on with runs that were cut off; with settings of the budget, beyond the end of finished ones. It executes no
    code that a folder names, unless --plugin permits it."""
    import yaml

    from byzsgd import config
    from byzsgd.records import find_runs, is_finished

    words = [word for word in parsed.folders if "=" in word and not Path(word).exists()]
    settings = {key: yaml.safe_load(value) for key, _, value in (word.partition("=") for word in words)}
    folders = [Path(word) for word in parsed.folders if word not in words]
    runs = [run for folder in folders for run in find_runs(folder)]
    config.require_resumable(settings)
    longer = {key: value for key, value in settings.items() if key.startswith("budget.")}
    other = {key: settings[key] for key in settings.keys() - longer}
    permission = config.Permission(parsed.plugin, other, parsed.trust)
    left = runs if longer or len(runs) <= 1 else [run for run in runs if not is_finished(run)]
    if not runs:
        tell(f"no run in {', '.join(map(str, folders))}")
    elif not left:
        tell(f"nothing to go on with: {len(runs)} runs, all of them finished")
    code = 0
    for folder in left:
        try:
            _go_on(folder, longer, permission)
        except Exception as error:  # the others go on
            if len(left) == 1:
                raise
            failure, sentence = _explained(error)
            code = max(code, failure)
            tell(f"byzsgd: {folder}: {sentence}", sys.stderr)
    return code


def warm(parsed: argparse.Namespace) -> int:
    """Fills the cache of compiled code: one delivery in each precision, and a gradient of the general path."""
    from byzsgd import config
    from byzsgd.run.engine_path import SHORT, cache_of_compiled_code

    folder = cache_of_compiled_code()
    for dtype in ("float32", "float64"):
        config.experiment("engine=compiled", f"dtype={dtype}", "budget.arrivals=1").run()
        config.experiment("delay/availability=bernoulli", f"dtype={dtype}", f"budget.arrivals={SHORT + 1}").run()
    tell(f"compiled code lies in {folder}")
    return 0


def _go_on(folder: Path, settings: dict[str, object], permission: Permission) -> None:
    with loading():
        from byzsgd import config
        from byzsgd.console.run_screen import Terminal

    def say(line: str) -> None:
        tell(f"byzsgd: {folder}: {line}", sys.stderr)

    if settings:
        experiment, place = config.extended(folder, settings, permission, say)
        experiment.run(place, Terminal(), permission.plugins, only_there=True, shorter=folder)
    else:
        config.stored(folder, permission, say).run(folder, Terminal(), permission.plugins, only_there=True)


def _run(experiment: Experiment, folder: Path) -> float:
    from byzsgd import config
    from byzsgd.analysis.outcomes import objective
    from byzsgd.console.run_screen import Terminal

    varied = config.swept()
    if varied:
        tell(f"byzsgd: one run of an experiment that varies {', '.join(varied)}; -m makes them all", sys.stderr)
    here = config.started_in()
    # With hydra.job.chdir a path relative to the current folder would be wrong for the user.
    place = folder.relative_to(here) if Path.cwd() == here and folder.is_relative_to(here) else folder
    return objective(experiment.run(place, Terminal()))


def _run_one_of_many(experiment: Experiment, folder: Path) -> float:
    from byzsgd import config
    from byzsgd.analysis.outcomes import objective
    from byzsgd.console.run_screen import OneLine
    from byzsgd.records import ERROR

    config.require_judge(experiment.config, experiment.choices)
    run = experiment.run(folder, OneLine())
    (folder / ERROR).unlink(missing_ok=True)  # an earlier attempt may have left it
    return objective(run)


def _sweep(command: Command, target: SweepTarget, table: bool = True) -> int:
    from byzsgd import config
    from byzsgd.console.output import console as screen
    from byzsgd.console.sweep_progress import following
    from byzsgd.console.sweep_result import show_sweep
    from byzsgd.records.progress import Sweep
    from byzsgd.run.signals import launching

    folder, sweep = target.folder, Sweep(target.folder)
    stop = (folder / f".stop-{platform.node()}-{os.getpid()}").absolute()  # of this launch, not of others in the folder
    # Jobs in a queue go on without this process. In this process each run handles its own signals.
    watched = launching(stop) if target.launch == "elsewhere" else nullcontext()
    try:
        with following(sweep, screen()), watched:
            config.launch_sweep(_run_one_of_many, command, target.settings, stop=stop, failed=_failed)
    except FirstFailure:
        pass
    finally:
        stop.unlink(missing_ok=True)
    sweep.look()
    if table:
        show_sweep([each.folder for each in sweep.runs if each.state == "done"], folder)
    optimum = _optimum(folder)
    if optimum:
        tell(optimum)
    left = sweep.unfinished()
    for each in left:
        kind = "running elsewhere" if each.state == "running" else each.state
        tell(f"byzsgd: {kind}: {each.folder}{each.news and ': '}{each.news}", sys.stderr)
    if sweep.unseen:
        tell(f"byzsgd: {sweep.unseen} jobs did not begin; the same command goes on", sys.stderr)
    return FAILURE if sweep.unseen or any(each.state != "running" for each in left) else 0


def _stage(overrides: Sequence[str]) -> int:
    """A sweep of a protocol, without the closing table: a protocol prints its own tables."""
    from byzsgd import config

    command = config.read(["-m", *overrides])
    target = config.target_of(command)
    assert isinstance(target, config.SweepTarget)
    return _sweep(command, target, table=False)


def _optimum(folder: Path) -> str:
    """The best settings that an optimising sweeper found, in one line; empty: the sweeper does not optimise."""
    from byzsgd.records.reading import yaml_mapping

    try:
        results = yaml_mapping(folder, "optimization_results.yaml")
        settings = " ".join(f"{key}={value}" for key, value in results["best_params"].items())
        return f"best: {settings} ({results['best_value']:.4g})"
    except (LookupError, TypeError, AttributeError, ValueError):
        return ""


class FirstFailure(KeyboardInterrupt):
    """A job failed in this process, in a sweep that ends with its first failure."""


def _failed(failure: Failure) -> None:
    """Reports a failed job of a sweep: one line on the screen, and its error in its folder. A run that another process
    is computing is no failure. Neither gives a result to an optimising sweeper."""
    from byzsgd.records import Busy

    error, folder = failure.error, failure.folder
    if isinstance(error, Busy):
        tell(f"{folder.name}: running elsewhere")
        return
    _, sentence = _explained(error)
    tell(f"{folder.name}: failed, {sentence}")
    try:
        failure.leave(sentence)
    except ValueError:
        tell(f"byzsgd: refused: {folder}: {sentence}", sys.stderr)
    except OSError:
        tell(f"byzsgd: failed: {folder}: {sentence}", sys.stderr)
    if failure.stop is not None:
        failure.stop.touch()
        if failure.here:
            raise FirstFailure


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one line, as everywhere."""

    def error(self, message: str) -> NoReturn:
        unknown = re.search(r"argument COMMAND: invalid choice: '(.*?)'", message)
        if unknown:
            from byzsgd.config import suggestion

            raise ValueError(f"no command '{unknown[1]}'{suggestion(unknown[1], commands_of(self))}")
        raise ValueError(f"{message} ({self.prog} --help shows how it is used)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="byzsgd",
        description="What does asynchronous SGD do when some workers lie, and which defence holds?",
        epilog="Start with: byzsgd train aggregator=kardam attack=lie",
    )
    parser.add_argument("--version", action="version", version=f"byzsgd {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("train", help="run an experiment, or with -m a sweep (byzsgd train --help)", add_help=False)
    resuming = commands.add_parser("resume", help="go on with runs that were cut off, or with a larger budget")
    text = "with budget.arrivals=18000 a finished run is extended, in a folder beside; tracker=NAME, "
    text += "dataset.download=true and data_root=FOLDER change no result"
    resuming.add_argument("folders", nargs="+", metavar="FOLDER | KEY=VALUE", help=text)
    resuming.add_argument("--plugin", action="append", default=[], metavar="MODULE",
                          help="a module of yours that the folder's configuration may name")  # fmt: skip
    resuming.add_argument("--trust", action="store_true", help="let the folder open its tracker, and download")
    resuming.set_defaults(command=resume)
    add_commands(commands, _stage)
    warming = commands.add_parser("warm", help="compile ahead what engine=auto will need on this machine")
    warming.set_defaults(command=warm)
    listing = commands.add_parser("list", help="show what there is to choose: byzsgd list aggregator")
    listing.add_argument("group", nargs="?")
    listing.add_argument("--search", metavar="WORD", help="only members whose name, description or paper has this word")
    listing.add_argument("--config-dir", type=Path, metavar="FOLDER", help="with the members in a tree of yours")
    listing.set_defaults(
        command=lambda parsed: _catalogue("list_members", parsed.group, parsed.search, parsed.config_dir)
    )
    showing = commands.add_parser("show", help="all about one member: byzsgd show kardam, byzsgd show attack/lie")
    showing.add_argument("member")
    showing.set_defaults(command=lambda parsed: _catalogue("show_member", parsed.member))
    completing = commands.add_parser("completion", help='TAB in a shell: eval "$(byzsgd completion bash)"')
    completing.add_argument("shell", choices=("bash", "zsh", "fish"))
    completing.add_argument("--line", help=argparse.SUPPRESS)  # the line that was typed so far
    completing.set_defaults(command=lambda parsed: _complete(parsed, parser))
    return parser


def _catalogue(command: str, *words: str | Path | None) -> int:
    from byzsgd.console import catalogue_pages

    return int(getattr(catalogue_pages, command)(*words))


def _complete(parsed: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from byzsgd.console.completion import completion

    return completion(parsed, parser)


def _train_help() -> str:
    from byzsgd.config import catalogue

    rows = "\n".join(
        f"  {group:<28}{', '.join(member.name for member in catalogue.members(group))}" for group in catalogue.groups()
    )
    return f"""usage: byzsgd train [OVERRIDE ...] [-m] [--cfg job] [--info] [--hydra-help]

One run:    byzsgd train aggregator=kardam attack=lie num_workers=20
A sweep:    byzsgd train -m aggregator=asgd,kardam attack=none,lie 'seed=range(3)'
What it is: byzsgd train --cfg job aggregator=krum
Completion: eval "$(byzsgd completion bash)"      (or zsh; fish: byzsgd completion fish | source)

groups (choose with GROUP=MEMBER, descriptions with `byzsgd list GROUP`):
{rows}

Every other setting is KEY=VALUE, e.g. seed=1 optimizer.lr=.2 aggregator.collector.size=7: see --cfg job."""


def _explained(error: Exception) -> tuple[int, str]:
    """The exit code and the one line for an error."""
    from byzsgd import config

    if isinstance(error, config.MISTAKES):
        return MISTAKE, config.explain(error)
    if isinstance(error, FileExistsError | NotADirectoryError):
        return MISTAKE, f"{error.filename} is no folder"
    if isinstance(error, OSError):
        place = f": {error.filename}" if error.filename else ""
        return MISTAKE, f"{(error.strerror or str(error)).lower()}{place}"
    line = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError) or "DefaultCPUAllocator" in line:  # NumPy's, and PyTorch's
        return MISTAKE, f"needs more memory than there is ({line})"
    if isinstance(error, ValueError | TypeError):
        return MISTAKE, line
    return FAILURE, f"{type(error).__name__}: {line} (HYDRA_FULL_ERROR=1 shows the traceback)"
