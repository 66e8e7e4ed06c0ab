"""Hydra's command line around a task: overrides, options, sweeps."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, RangeSweep
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from byzsgd.config.catalogue import groups
from byzsgd.config.compose import choices, own_hydra, register_resolvers
from byzsgd.config.locations import CONF
from byzsgd.config.objects import build
from byzsgd.config.targets import ConfigError
from byzsgd.records import is_locked
from byzsgd.records.lock import LOCK

if TYPE_CHECKING:
    from byzsgd.run import Experiment

# What only one of the two modes listens to.
OF_SWEEPS = ("hydra/launcher", "hydra/sweeper", "hydra.launcher", "hydra.sweeper", "hydra.sweep")
OF_SINGLE_RUNS = ("hydra.run",)


def launch(
    task: Callable[[Experiment, Path], Any],
    arguments: Sequence[str],
    failed: Callable[[Exception, Path], Any],
) -> None:
    """Hydra's own command line (sweeps, --cfg, --info, completion…) around `task(experiment, run folder)`.

    An error of a single run is raised; one in a sweep goes to `failed(error, run folder)`, and the other jobs run.
    """
    register_resolvers()
    failures: list[Exception] = []

    def job(config: DictConfig) -> Any:
        settings = HydraConfig.get()
        folder = Path(settings.runtime.output_dir)
        try:
            own = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
            return task(build(own, choices(settings.runtime.choices)), folder)
        except Exception as error:
            # Hydra would announce it in a line of its own and end a sweep with the first.
            if settings.mode is RunMode.MULTIRUN:
                return failed(error, folder)
            _withdraw(folder)
            failures.append(error)
            return None

    main = hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(job)
    with _command_line(arguments), own_hydra():
        main()
    if failures:
        raise failures[0]


def _withdraw(folder: Path) -> None:
    """Removes the folder of a run that never began, where nothing but Hydra's notes and our lock is in it."""
    if folder.is_dir() and not is_locked(folder) and {path.name for path in folder.iterdir()} <= {".hydra", LOCK}:
        shutil.rmtree(folder, ignore_errors=True)


def divided(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The overrides and the options of a command, in whatever order they were typed; ConfigError for an option that
    there is not."""
    parser = get_args_parser()
    parser.allow_abbrev = False
    parser.error = _refuse_options  # type: ignore[method-assign]
    known, rest = parser.parse_known_args(list(arguments))
    overrides = [*known.overrides, *rest]
    for word in rest:
        if word.startswith("-"):
            _refuse_options(f"no option '{word}'")
    options = list(arguments)
    for word in overrides:
        options.remove(word)
    return overrides, options


def _refuse_options(message: str) -> NoReturn:
    raise ConfigError(f"{message} (byzsgd train --help shows how it is used)")


def require_heard(overrides: Sequence[str], sweep: bool) -> None:
    """Raises ConfigError for an override that a run, or a sweep, would pass over, and for a choice among nothing."""
    ignored = OF_SINGLE_RUNS if sweep else OF_SWEEPS
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
        if override.is_sweep_override() and not sweep:
            raise ConfigError(f"{key} needs one value, or -m to sweep over several; got {given}")
        if isinstance(value, ChoiceSweep | RangeSweep) and not list(override.sweep_string_iterator()):
            raise ConfigError(f"{key} needs at least one value; got {given}")


def swept() -> tuple[str, ...]:
    """The settings that the experiment of the single run under way varies where it is a sweep."""
    return tuple(map(str, HydraConfig.get().sweeper.get("params") or ()))


@contextmanager
def _command_line(arguments: Sequence[str]) -> Iterator[None]:
    """What Hydra reads for its own, and where it learns to raise instead of printing a traceback."""
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
