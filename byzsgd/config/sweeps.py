"""Sweeps: where they go, how they are launched, and which jobs they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from byzsgd.config.command_line import Command, require_heard, sweeps_over
from byzsgd.config.compose import composed, identity_of, plain
from byzsgd.config.mistakes import MISTAKES, explain
from byzsgd.config.objects import build
from byzsgd.config.optimising import optimises, require_judge_of_sweep
from byzsgd.config.targets import ConfigError
from byzsgd.config.words import quoted
from byzsgd.records import is_finished, read_config, same_run

if TYPE_CHECKING:
    from byzsgd.run import Experiment

Launch = Literal["here", "elsewhere", "queued"]  # in this process, in others that it waits for, in a scheduler's queue
_LAUNCHED: dict[str, Launch] = {"BasicLauncher": "here", "LanesLauncher": "here", "SlurmLauncher": "queued"}


@dataclass(frozen=True)
class OneRun:
    """A single run, checked."""

    folder: Path
    finished: Experiment | None  # where its own result is in the folder already


@dataclass(frozen=True)
class SweepTarget:
    """A sweep before its first job."""

    folder: Path
    launch: Launch
    settings: tuple[str, ...]  # beside what was typed: its folder, as it is resolved now


def intended(command: Command) -> OneRun | SweepTarget:
    """What a command asks for, however it says that it is a sweep: -m, or `hydra.mode` where a file or an override
    sets it. ConfigError for what can be known to be wrong; jobs are checked by their sweeper."""
    multirun = command.multirun
    require_heard(command.overrides, sweep=None)
    if not multirun:
        several = sweeps_over(command.overrides)
        config = composed(command.overrides, command.source, RunMode.MULTIRUN if several else RunMode.RUN)
        multirun = config.hydra.mode is RunMode.MULTIRUN
    require_heard(command.overrides, sweep=multirun)
    if not multirun:
        own, chosen = plain(config)
        experiment = build(own, chosen)
        place = Path(str(config.hydra.run.dir))
        done = not experiment.force and is_finished(place) and same_run(read_config(place), experiment.config)
        return OneRun(place, experiment if done else None)
    node = composed(command.overrides, command.source, RunMode.MULTIRUN).hydra
    if optimises(node.sweeper):
        require_judge_of_sweep(command.overrides, command.source)
    kind = str(node.launcher._target_).rpartition(".")[2]
    folder = str(node.sweep.dir)
    return SweepTarget(Path(folder), _LAUNCHED.get(kind, "elsewhere"), (f"hydra.sweep.dir={quoted(folder)}",))


@dataclass(frozen=True)
class Job:
    """One combination of a sweep."""

    overrides: tuple[str, ...]
    identity: str
    folder: str  # within that of the sweep
    impossible: str  # why it cannot be; empty: it can


def checked(loader: ConfigLoader, sweep: DictConfig, jobs: Sequence[Sequence[str]]) -> list[Job]:
    """The jobs of a sweep, each composed and built. ConfigError for a mistake in the words of one of them."""
    found: list[Job] = []
    number = 0  # as its launcher will count, who is not given what is left out
    for overrides in jobs:
        found.append(_checked(loader, sweep, number, overrides))
        number += not (found[-1].impossible and skips(sweep))
    return found


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
