"""Sweeps: their folder, their launcher and their jobs."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Sweep
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from byzsgd.config.command_line import Command, require_effect, sweeps_over
from byzsgd.config.compose import JOBS, composed, identity_of, plain
from byzsgd.config.mistakes import MISTAKES, explain
from byzsgd.config.objects import build
from byzsgd.config.optimising import optimises, require_judge_of_sweep
from byzsgd.config.targets import ConfigError
from byzsgd.config.words import quoted
from byzsgd.records import is_finished, read_config, same_run

if TYPE_CHECKING:
    from byzsgd.run import Experiment

SWEEP_FOLDER = "hydra.sweep.dir"
Launch = Literal["here", "elsewhere", "queued"]  # in this process; in others, for which it waits; in a queue
_LAUNCHED: dict[str, Launch] = {"BasicLauncher": "here", "LanesLauncher": "here", "SlurmLauncher": "queued"}


@dataclass(frozen=True)
class OneRun:
    """A single run, whose configuration is checked."""

    folder: Path
    finished: Experiment | None  # if its result is in the folder already


@dataclass(frozen=True)
class SweepTarget:
    """A sweep before its first job."""

    folder: Path
    launch: Launch
    settings: tuple[str, ...]  # overrides beside those of the command: its resolved folder


def target_of(command: Command) -> OneRun | SweepTarget:
    """The run or sweep that a command starts. It is a sweep by -m, or by a `hydra.mode` in a file or an override.
    ConfigError for every mistake that shows before the first job; the sweeper checks the jobs."""
    multirun = command.multirun
    require_effect(command.overrides, sweep=None)
    if not multirun:
        several = sweeps_over(command.overrides)
        config = composed(command.overrides, command.source, RunMode.MULTIRUN if several else RunMode.RUN)
        multirun = config.hydra.mode is RunMode.MULTIRUN
    require_effect(command.overrides, sweep=multirun)
    if not multirun:
        own, chosen = plain(config)
        experiment = build(own, chosen)
        run_folder = Path(str(config.hydra.run.dir))
        done = not experiment.force and is_finished(run_folder) and same_run(read_config(run_folder), experiment.config)
        return OneRun(run_folder, experiment if done else None)
    node = composed(command.overrides, command.source, RunMode.MULTIRUN).hydra
    if optimises(node.sweeper):
        require_judge_of_sweep(command.overrides, command.source)
    kind = str(node.launcher._target_).rpartition(".")[2]
    folder = str(node.sweep.dir)
    return SweepTarget(Path(folder), _LAUNCHED.get(kind, "elsewhere"), (f"{SWEEP_FOLDER}={quoted(folder)}",))


@dataclass(frozen=True)
class Job:
    """One combination of a sweep."""

    overrides: tuple[str, ...]
    identity: str
    folder: str  # within that of the sweep
    impossible: str  # why its settings are impossible; empty: they are possible


def checked(loader: ConfigLoader, sweep: DictConfig, jobs: Sequence[Sequence[str]]) -> list[Job]:
    """The jobs of a sweep, each composed and built. ConfigError for a mistake in the overrides of one."""
    checked_jobs: list[Job] = []
    number = 0  # as the launcher counts, which gets no impossible jobs that are left out
    for overrides in jobs:
        checked_jobs.append(_checked(loader, sweep, number, overrides))
        number += not (checked_jobs[-1].impossible and skips(sweep))
    return checked_jobs


def skips(sweep: DictConfig) -> bool:
    """Whether impossible combinations are left out."""
    return str(sweep.sweep.impossible) == "skip"


def _checked(loader: ConfigLoader, sweep: DictConfig, number: int, overrides: Sequence[str]) -> Job:
    try:
        config = loader.load_sweep_config(sweep, list(overrides))
        with open_dict(config):
            config.hydra.job.num, config.hydra.job.id = number, str(number)
        own, chosen = plain(config)
        folder = str(config.hydra.sweep.subdir)
    except MISTAKES as error:
        raise ConfigError(explain(error)) from error
    try:
        build(own, chosen)
        why = ""
    except ConfigError:
        raise
    except (ValueError, TypeError) as error:
        why = " ".join(str(error).split())
    return Job(tuple(overrides), identity_of(own), folder, why)


def combinations(overrides: Sequence[Override], rows: Sequence[Sequence[str]] = ((),)) -> list[list[str]]:
    """The jobs of a sweep, each a list of overrides with one value.

    They are all combinations of the values that are swept over, for each row of further overrides. Overrides with the
    same tag advance together, as in zip: `aggregator=tag(own,choice(asgd,kardam)) optimizer.lr=tag(own,choice(.1,2))`
    gives two jobs. Of two overrides of one key the later counts. ConfigError where overrides with the same tag have
    different numbers of values.
    """
    parser = OverridesParser.create()
    return [job for row in rows for job in _combined([*overrides, *parser.parse_overrides(list(row))])]


def jobs_of(words: Sequence[str]) -> list[list[str]]:
    """The jobs of a sweep that is given as overrides; ConfigError where the overrides are no sweep."""
    return combinations(OverridesParser.create().parse_overrides(list(words)))


def words_of(job: Sequence[str]) -> list[str]:
    """The overrides of one job, spelled as in its sweep; ConfigError where they give several jobs."""
    jobs = jobs_of(job)
    if len(jobs) > 1:
        raise ConfigError(f"a job needs one value of every setting; got {' '.join(job)}")
    return jobs[0]


def lines(file: str | None) -> list[list[str]]:
    """The overrides on each line of a file of jobs; without a file one empty row."""
    if file is None:
        return [[]]
    try:
        text = Path(file).read_text(encoding="utf-8")
        return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]
    except (OSError, ValueError) as error:
        raise ConfigError(f"{JOBS} needs a file with overrides on every line; got {file}: {error}") from error


def _combined(overrides: Sequence[Override]) -> list[list[str]]:
    last = {override.get_key_element(): override for override in overrides}
    axes: dict[str, list[list[str]]] = {}  # tag, or key -> the overrides of each of its values
    keys: dict[str, str] = {}
    for key, override in last.items():
        values = _values(key, override)
        tag = _tag(key, override)
        axis = f"tag {tag}" if tag else key
        together = axes.setdefault(axis, [[] for _ in values])
        if len(together) != len(values):
            raise ConfigError(
                f"sweeps with the tag {tag} need as many values as one another; "
                f"got {keys[axis]} with {len(together)}, {key} with {len(values)}"
            )
        keys.setdefault(axis, key)
        for words, value in zip(together, values, strict=True):
            words.append(value)
    return [list(itertools.chain.from_iterable(job)) for job in itertools.product(*axes.values())]


def _values(key: str, override: Override) -> list[str]:
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    if not override.is_discrete_sweep():
        raise ConfigError(f"{key} needs values to choose from, or hydra/sweeper=optuna; got {override.input_line}")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _tag(key: str, override: Override) -> str:
    value = override.value()
    tags = sorted(value.tags) if isinstance(value, Sweep) else []
    if len(tags) > 1:
        raise ConfigError(f"{key} needs at most one tag; got {', '.join(tags)}")
    return tags[0] if tags else ""
