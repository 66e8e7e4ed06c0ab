"""The command line of `byzsgd train`: its overrides and options, and how Hydra launches one run or a sweep."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, RangeSweep
from omegaconf import DictConfig, OmegaConf

from byzsgd.config.catalogue import groups
from byzsgd.config.compose import Source, choices, identity_of, machinery, own_hydra, register_resolvers
from byzsgd.config.locations import CONF
from byzsgd.config.objects import build
from byzsgd.config.targets import ConfigError
from byzsgd.records import ERROR, is_locked, is_run, read_config, run_id
from byzsgd.records.lock import LOCK

if TYPE_CHECKING:
    from byzsgd.run import Experiment

    Task = Callable[[Experiment, Path], object]  # what is done with a run and its folder

# What only one of the two modes listens to.
OF_SWEEPS = ("hydra/launcher", "hydra/sweeper", "hydra.launcher", "hydra.sweeper", "hydra.sweep", "sweep")
OF_SINGLE_RUNS = ("hydra.run",)
STOPPED = "stopped"  # the return value, for the sweeper, of a job that did not begin or was cut off
_QUESTIONS = ("cfg", "info", "hydra_help", "experimental_rerun")  # options that Hydra answers


@dataclass(frozen=True)
class Command:
    """The command line after `byzsgd train`."""

    overrides: tuple[str, ...]
    options: tuple[str, ...]
    multirun: bool  # -m
    question: bool  # Hydra answers it: --cfg, --info…
    source: Source


@dataclass(frozen=True)
class Failure:
    """A job that an error ended, or that never began."""

    error: Exception
    folder: Path
    identity: str  # of its run; empty: its configuration cannot be resolved
    stop: Path | None = None  # the stop file of a sweep that its first failure ends; None: the sweep goes on
    here: bool = True  # whether it ran in the process that launched it

    def leave(self, sentence: str) -> None:
        """Writes the error into the job's folder: the sentence, then the traceback. ValueError where the folder holds
        another run, which stays as it is. OSError where the folder cannot be written."""
        if is_run(self.folder) and run_id(read_config(self.folder)) != self.identity:
            raise ValueError(f"{self.folder} holds another run")
        text = "\n".join([sentence, "", *traceback.format_exception(self.error)])
        (self.folder / ERROR).unlink(missing_ok=True)  # or a link, which would be written through
        (self.folder / ERROR).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class _Single:
    """One run, as what Hydra calls with its configuration. Its error waits here: Hydra would announce it in a line of
    its own."""

    task: Task
    failures: list[Exception] = field(default_factory=list)

    def __call__(self, config: DictConfig) -> object:
        folder = _output_folder()
        try:
            return self.task(_built(config), folder)
        except Exception as error:
            _withdraw(folder)
            self.failures.append(error)
            return None


@dataclass(frozen=True)
class _Job:
    """One run of a sweep, in whatever process its launcher calls it."""

    task: Task
    stop: Path
    failed: Callable[[Failure], object]
    launcher: int  # the process that typed the sweep

    def __call__(self, config: DictConfig) -> object:
        from byzsgd.run.signals import obeying  # imports torch, so not before all checks

        folder = _output_folder()
        if self.stop.exists():
            _withdraw(folder)
            return STOPPED
        here = os.getpid() == self.launcher
        with obeying(self.stop, self.launcher):
            try:
                return self.task(_built(config), folder)
            except Exception as error:  # Hydra would end the sweep with it
                ends = self.stop if str(OmegaConf.select(config, "sweep.on_error")) == "stop" else None
                return self.failed(Failure(error, folder, _identity(config), ends, here))
            except KeyboardInterrupt:
                if here:
                    raise
                return STOPPED  # the launcher waits for the other jobs and reports the stop


def launch(task: Task, command: Command) -> None:
    """Hydra around `task(experiment, run folder)`: one run, whose error is raised."""
    single = _Single(task)
    register_resolvers()
    with own_hydra():
        machinery(command.source).run(command.source.name, single, list(command.overrides))
    if single.failures:
        raise single.failures[0]


def launch_sweep(
    task: Task, command: Command, settings: Sequence[str], *, stop: Path, failed: Callable[[Failure], object]
) -> None:
    """Hydra around `task(experiment, run folder)`, once for each job of a sweep.

    `settings` are overrides beside those that were typed. An error goes to `failed`, and the other jobs run. Once the
    stop file is there, running jobs are stopped and no job begins.
    """
    job = _Job(task, stop, failed, os.getpid())
    register_resolvers()
    with own_hydra():
        overrides = [*command.overrides, *settings, "hydra.mode=MULTIRUN"]
        machinery(command.source).multirun(command.source.name, job, overrides)


def _output_folder() -> Path:
    return Path(HydraConfig.get().runtime.output_dir)


def answer(command: Command) -> None:
    """Prints Hydra's answer to --cfg, --info and similar options."""
    register_resolvers()
    main = hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(lambda config: None)
    with _command_line([*command.overrides, *command.options]), own_hydra():
        main()


def _built(config: DictConfig) -> Experiment:
    own = cast(dict[str, object], OmegaConf.to_container(config, resolve=True))
    return build(own, choices(HydraConfig.get().runtime.choices))


def _identity(config: DictConfig) -> str:
    try:
        return identity_of(cast(dict[str, object], OmegaConf.to_container(config, resolve=True)))
    except Exception:  # the job failed because its configuration cannot be resolved
        return ""


def _withdraw(folder: Path) -> None:
    """Removes the folder of a run that never began, if it contains only Hydra's files and our lock."""
    if folder.is_dir() and not is_locked(folder) and {path.name for path in folder.iterdir()} <= {".hydra", LOCK}:
        shutil.rmtree(folder, ignore_errors=True)


def read(arguments: Sequence[str]) -> Command:
    """The overrides and the options, in any order. ConfigError for an option that does not exist or has no effect."""
    parser = get_args_parser()
    parser.allow_abbrev = False
    parser.error = _refuse_options  # type: ignore[method-assign]
    parsed, rest = parser.parse_known_args(list(arguments))
    overrides = [*parsed.overrides, *rest]
    for word in rest:
        if word.startswith("-"):
            _refuse_options(f"no option '{word}'")
    options = list(arguments)
    for word in overrides:
        options.remove(word)
    question = any(getattr(parsed, name, None) for name in _QUESTIONS)
    _require_sense(parsed, question)
    if parsed.cfg == "job" and not parsed.resolve:
        options.append("--resolve")  # shows the values of a run, not the interpolations
    source = Source(parsed.config_name or "config", parsed.config_dir)
    return Command(tuple(overrides), tuple(options), parsed.multirun, question, source)


def _require_sense(options: Namespace, question: bool) -> None:
    if options.config_path is not None:
        raise ConfigError(f"--config-path needs byzsgd's own tree (--config-dir FOLDER adds yours to it); "
                          f"got {options.config_path}")  # fmt: skip
    if options.shell_completion:
        raise ConfigError("completion needs the script of your shell (byzsgd completion bash); got -sc")
    if options.multirun and question:
        raise ConfigError("what Hydra answers needs one value for each setting and no -m; got -m beside it")


def _refuse_options(message: str) -> NoReturn:
    raise ConfigError(f"{message} (byzsgd train --help shows how it is used)")


def sweeps_over(overrides: Sequence[str]) -> bool:
    """Whether an override gives several values."""
    return any(override.is_sweep_override() for override in OverridesParser.create().parse_overrides(list(overrides)))


def require_effect(overrides: Sequence[str], sweep: bool | None) -> None:
    """ConfigError for an override without effect in a single run, or in a sweep (`sweep`; None: not known yet), and for
    a choice among no values."""
    ignored: tuple[str, ...] = () if sweep is None else OF_SINGLE_RUNS if sweep else OF_SWEEPS
    needs = "a single run (hydra.sweep.dir is where a sweep goes)" if sweep else "a sweep (-m)"
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    for override in parsed:
        key, value, given = override.key_or_group, override.value(), override.input_line
        if not key:
            raise ConfigError(f"an override needs KEY=VALUE or GROUP=MEMBER; got {given}")
        if key in ignored or key.startswith(tuple(f"{each}." for each in ignored)):
            raise ConfigError(f"{key} needs {needs}; got {given}")
        if key in groups() and not override.is_delete() and (value is None or isinstance(value, bool | int | float)):
            raise ConfigError(f"{key} needs the name of a member (byzsgd list {key} shows them); got {given}")
        if override.is_sweep_override() and sweep is False:
            raise ConfigError(f"{key} needs one value, or -m to sweep over several; got {given}")
        if isinstance(value, ChoiceSweep | RangeSweep) and not list(override.sweep_string_iterator()):
            raise ConfigError(f"{key} needs at least one value; got {given}")


def swept() -> tuple[str, ...]:
    """The settings that the experiment of the current single run varies in its sweep."""
    return tuple(map(str, HydraConfig.get().sweeper.get("params") or ()))


def started_in() -> Path:
    """The folder in which the command was started: a job may run in a working folder of its own."""
    return Path(HydraConfig.get().runtime.cwd)


@contextmanager
def _command_line(arguments: Sequence[str]) -> Iterator[None]:
    """Inside, Hydra reads these arguments, and raises its errors instead of printing them."""
    before, sys.argv = sys.argv, ["byzsgd", *arguments]
    full = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = before
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full
