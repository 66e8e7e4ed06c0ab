"""From overrides to an Experiment: compose, check, build, say what is wrong. With hydra_plugins/ the only importer of
Hydra."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import hydra
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString, RangeSweep
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from byzsgd.catalogue import canonical, find_groups, groups
from byzsgd.locations import CONF
from byzsgd.records import is_locked, read_config, read_info, run_id, run_name
from byzsgd.records.lock import LOCK
from byzsgd.settings import ConfigError, built, check, suggestion

if TYPE_CHECKING:
    from byzsgd.runner import Experiment

ALLOWED = ("byzsgd", "torch")  # packages whose objects a configuration may name; users add more with `plugins`
# The same for a folder, which may be a stranger's: other parts of torch load files and run what they hold.
IN_FOLDERS = ("byzsgd", "torch.nn", "torch.optim")
EXTRAS = {
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/submitit_local": "submitit",
    "hydra/launcher/submitit_slurm": "submitit",
    "hydra/sweeper/optuna": "optuna",
}
MISTAKES = (HydraException, OmegaConfBaseException, YAMLError)
# What only one of the two modes listens to.
OF_SWEEPS = ("hydra/launcher", "hydra/sweeper", "hydra.launcher", "hydra.sweeper", "hydra.sweep")
OF_SINGLE_RUNS = ("hydra.run",)
SWEEP_FOLDER = "hydra.sweep.dir"
GIVEN = {"config", "choices"}  # of an experiment, by who builds it


def experiment(*overrides: str) -> Experiment:
    """The experiment that `byzsgd train <overrides>` would run, e.g. `experiment("aggregator=krum", "seed=1")`.

    Works in a notebook, several times, and inside a running job. Raises ConfigError, in one line.
    """
    try:
        config, choices = _plain(_composed(overrides))
    except MISTAKES as error:
        raise ConfigError(explain(error)) from error
    return build(config, choices)


def build(config: Mapping[str, Any], choices: Mapping[str, str], plugins: Sequence[str] | None = None) -> Experiment:
    """Checks a resolved configuration and builds the object graph.

    `plugins`: modules beside byzsgd and the building blocks of torch that it may name; None takes the configuration's
    own word for it, which is right for one's own command line and wrong for a stranger's folder.
    """
    named = (config.get("plugins") or ()) if plugins is None else plugins
    allowed = (*(ALLOWED if plugins is None else IN_FOLDERS), *named)
    for word in GIVEN & config.keys():
        raise ConfigError(f"the experiment has no setting '{word}'")
    check(config, allowed)
    _require_modules(named)
    whole = built({**config, "_partial_": True}, allowed)
    return cast("Experiment", whole(config=dict(config), choices=dict(choices)))


def _require_modules(names: Sequence[str]) -> None:
    for name in names:
        try:
            found = importlib.util.find_spec(name) is not None
        except (ModuleNotFoundError, ValueError):
            found = False
        if not found:
            raise ConfigError(f"plugins needs modules that Python finds (on PYTHONPATH); got {name}")


def part(node: Mapping[str, Any]) -> Any:
    """One node of a stored configuration as an object, e.g. a delay law whose theory a figure shows."""
    check(node, IN_FOLDERS)
    return built(node, IN_FOLDERS)


def stored(folder: Path, plugins: Sequence[str]) -> Experiment:
    """The experiment of a run folder. Its own list of plugins is not believed: the folder may be a stranger's."""
    choices = read_info(folder).get("choices", {})
    return build(read_config(folder), choices, plugins)


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
    for override in OverridesParser.create().parse_overrides(list(overrides)):
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


def launch(
    task: Callable[[Experiment, Path], Any],
    arguments: Sequence[str],
    failed: Callable[[Exception, Path], Any],
) -> None:
    """Hydra's own command line (sweeps, --cfg, --info, completion…) around `task(experiment, run folder)`.

    An error of a single run is raised; one in a sweep goes to `failed(error, run folder)`, and the other jobs run.
    """
    _register_resolvers()
    failures: list[Exception] = []

    def job(config: DictConfig) -> Any:
        settings = HydraConfig.get()
        folder = Path(settings.runtime.output_dir)
        try:
            own = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
            return task(build(own, _choices(settings.runtime.choices)), folder)
        except Exception as error:
            # Hydra would announce it in a line of its own and end a sweep with the first.
            if settings.mode is RunMode.MULTIRUN:
                return failed(error, folder)
            _withdraw(folder)
            failures.append(error)
            return None

    main = hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(job)
    with _command_line(arguments), _own_hydra():
        main()
    if failures:
        raise failures[0]


def _withdraw(folder: Path) -> None:
    """Removes the folder of a run that never began, where nothing but Hydra's notes and our lock is in it."""
    if folder.is_dir() and not is_locked(folder) and {path.name for path in folder.iterdir()} <= {".hydra", LOCK}:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_folder(overrides: Sequence[str]) -> Path:
    """Where a sweep goes: where it is told to, else the same command always to the same place."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    named = [override.value() for override in parsed if override.key_or_group == SWEEP_FOLDER]
    if named:
        return Path(named[-1].text if isinstance(named[-1], QuotedString) else str(named[-1]))
    own = [override for override in overrides if not override.startswith("hydra.")]
    return Path(f"outputs/sweep_{run_name(own, run_id({'overrides': sorted(own)}))}")


def sweep_jobs(folder: Path) -> frozenset[frozenset[str]] | None:
    """The overrides of every job of the sweep that was last started in a folder; None: no sweep, or one whose jobs
    depend on results."""
    try:
        node = OmegaConf.load(folder / "multirun.yaml").hydra
        if not str(node.sweeper._target_).endswith(".BasicSweeper"):
            return None
        told = [f"{key}={value}" for key, value in (node.sweeper.params or {}).items()] + list(node.overrides.task)
        batches = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(told), max_batch_size=None)
    except (OSError, YAMLError, OmegaConfBaseException, HydraException, AttributeError):
        return None
    return frozenset(frozenset(word for word in job if not word.startswith("hydra")) for job in batches[0])


def _composed(overrides: Sequence[str]) -> DictConfig:
    """The configuration tree of the overrides, with Hydra's own node."""
    _register_resolvers()
    with _own_hydra(), hydra.initialize_config_dir(version_base="1.3", config_dir=str(CONF), job_name="byzsgd"):
        return hydra.compose("config", overrides=list(overrides), return_hydra_config=True)


def _plain(config: DictConfig) -> tuple[dict[str, Any], dict[str, str]]:
    """The resolved configuration without Hydra's node, and which member of every group was chosen."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return cast(dict[str, Any], OmegaConf.to_container(own, resolve=True)), _choices(config.hydra.runtime.choices)


def _choices(chosen: Any) -> dict[str, str]:
    return {
        str(group): member if isinstance(member, str) else ",".join(member)
        for group, member in chosen.items()
        if member is not None and not str(group).startswith("hydra/")
    }


def _register_resolvers() -> None:
    """The arithmetic that YAML lacks, and the names of run folders."""
    resolvers: dict[str, Callable[..., Any]] = {
        "third": _of_numbers(lambda n: max(2, n // 3)),  # Kardam's buffer
        "quorum": _of_numbers(lambda f: 2 * f + 1),
        "less_one": _of_numbers(lambda n: n - 1),
        "share": _of_numbers(lambda f, n: f / n if n else 0.0),
        "run_name": _run_name,
    }
    for name, resolver in resolvers.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)


def _of_numbers(formula: Callable[..., float]) -> Callable[..., Any]:
    # What is no number is handed on as it is, so that the check names the setting that it came from.
    return lambda *values: formula(*values) if all(isinstance(value, int) for value in values) else values[0]


def _run_name(*, _root_: DictConfig) -> str:
    config, _ = _plain(_root_)
    return run_name(list(_root_.hydra.overrides.task), run_id(config))


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


@contextmanager
def _own_hydra() -> Iterator[None]:
    # Hydra keeps one global instance; a job that composes another experiment must find its own again afterwards.
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().clear()
        if outer is not None:
            GlobalHydra.instance().initialize(outer)


def explain(error: BaseException) -> str:
    """One line for a mistake in the overrides or the configuration files, with a suggestion where there is one."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, member = error.missing_cfg_file.rpartition("/")
        if error.missing_cfg_file in EXTRAS:
            return f"{group}={member} needs a package (pip install 'byzsgd[{EXTRAS[error.missing_cfg_file]}]')"
        known = [option for option in error.options or () if option]
        meant = canonical(member, known)
        return f"no {group} '{member}'" + (f"; did you mean {meant}?" if meant else suggestion(member, known))
    if isinstance(error, OverrideParseException):
        return _explain_override(str(error.override), _first_line(error))
    if isinstance(error, ConfigCompositionException):
        return _explain_composition(error)
    if isinstance(error, YAMLError):
        return "broken YAML: " + " ".join(str(error).split())
    key = getattr(error, "full_key", None)
    return (f"{key}: " if key else "") + _first_line(error)


def _explain_override(override: str, line: str) -> str:
    if "=" not in override and not override.startswith("~"):
        return f"an override needs KEY=VALUE or GROUP=MEMBER; got {override}"
    return f"cannot read the override '{override}' (quotes may be missing: {line})"


def _explain_composition(error: ConfigCompositionException) -> str:
    cause, line = error.__cause__, _first_line(error)
    parent = getattr(cause, "parent_node", None)
    if isinstance(parent, DictConfig):
        key = str(getattr(cause, "full_key", "") or "").replace("[", ".").replace("]", "")
        where, _, word = key.rpartition(".")
        if not key:
            word = line.split("'")[1] if "'" in line else line
        return _unknown(word, where, [str(each) for each in parent])
    if "No match in the defaults list" in line and "'" in line:
        return f"{line.split(chr(39))[1]} needs another choice beside it: what was chosen has no such part"
    return line + (f" ({_first_line(cause)})" if cause is not None and cause is not error else "")


def _unknown(word: str, where: str, known: Sequence[str]) -> str:
    """A setting that is not there, with what may have been meant: a group's path, or one of its neighbours."""
    found = [] if where else find_groups(word)
    if found:
        return f"no setting '{word}'; did you mean {' or '.join(found)}?"
    settings = [*(groups() if "/" in word else ()), *known]
    return f"no setting '{word}'{f' in {where}' if where else ''}{suggestion(word, settings)}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
