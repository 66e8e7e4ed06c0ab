"""From overrides to a resolved configuration, and to the experiment that it describes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from byzsgd.checks import require
from byzsgd.config.loader import Loader
from byzsgd.config.locations import CONF
from byzsgd.config.mistakes import MISTAKES, explain
from byzsgd.config.objects import ALLOWED, build, plugins_of
from byzsgd.config.own_parts import filled, parted, placed
from byzsgd.config.targets import ConfigError, annotated
from byzsgd.config.words import Overrides, spelled_out
from byzsgd.records import is_run, run_id, run_name
from byzsgd.records.identity import earlier_names

if TYPE_CHECKING:
    from byzsgd.run import Experiment

JOBS = "hydra.sweeper.jobs"  # a file of jobs


def experiment(*overrides: Overrides, **settings: object) -> Experiment:
    """The experiment that `byzsgd train <overrides>` would run, e.g. `experiment("aggregator=krum", "seed=1")`.

    Overrides may also come as lists, as dicts (`{"optimizer.lr": 0.2, "aggregator": "krum"}`, nested ones too) and,
    where a key is a Python name, as keywords (`seed=1`). A part may be an object: `aggregator=my_rule`,
    `attack=my_attack`, `model=my_module`, `dataset=(inputs, targets)`, `delay=Path("seconds.csv")` (docs/extending.md).
    Works in a notebook, several times, and inside a running job. Raises ConfigError, in one line.
    """
    plain_settings, objects = parted(*overrides, settings)
    words, parts = placed(spelled_out(*plain_settings), objects)
    try:
        config, chosen = plain(composed(words))
    except MISTAKES as error:
        raise ConfigError(explain(error)) from error
    return build(*filled(config, chosen, parts))


@dataclass(frozen=True)
class Source:
    """The primary file that is composed, and the configuration tree of the user beside ours."""

    name: str = "config"
    folder: str | None = None

    @cached_property
    def loader(self) -> Loader:
        version.setbase("1.3")
        path = create_config_search_path(str(CONF))
        if self.folder is None:
            return Loader.on(CONF, path)
        require(Path(self.folder).is_dir(), "--config-dir", "a folder", config_dir=self.folder)
        own = f"file://{Path(self.folder).absolute()}"
        path.prepend("command-line", own, anchor=SearchPathQuery(provider="schema"))
        return Loader(path)


def composed(overrides: Sequence[str], source: Source | None = None, mode: RunMode = RunMode.RUN) -> DictConfig:
    """The configuration tree of the overrides, with Hydra's own node. With RunMode.MULTIRUN it leaves out the settings
    that are swept over."""
    register_resolvers()
    source = source or Source()  # a new one, which reads the files as they are now
    with own_hydra():
        return machinery(source).compose_config(
            source.name, list(overrides), run_mode=mode, from_shell=False, with_log_configuration=False
        )


def machinery(source: Source) -> Hydra:
    """Hydra, set up over our configuration tree and the user's."""
    hydra = Hydra("byzsgd", source.loader)
    GlobalHydra.instance().initialize(hydra)
    for plugin in ("byzsgd_grid", "byzsgd_optuna"):
        import_module(f"hydra_plugins.{plugin}.sweeper").register()
    return hydra


def plain(config: DictConfig) -> tuple[dict[str, object], dict[str, str]]:
    """The resolved configuration without Hydra's node, and which member of every group was chosen."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return cast(dict[str, object], OmegaConf.to_container(own, resolve=True)), choices(config.hydra.runtime.choices)


def choices(chosen: Mapping[str, str | Sequence[str] | None]) -> dict[str, str]:
    return {
        str(group): member if isinstance(member, str) else ",".join(member)
        for group, member in chosen.items()
        if member is not None and not str(group).startswith("hydra/")
    }


def register_resolvers() -> None:
    """Registers the interpolations that our YAML files use: arithmetic, and the names of run folders."""
    resolvers: dict[str, Callable[..., object]] = {
        "third": _of_numbers(lambda n: max(2, n // 3)),  # Kardam's buffer
        "quorum": _of_numbers(lambda f: 2 * f + 1),
        "less_one": _of_numbers(lambda n: n - 1),
        "share": _of_numbers(lambda f, n: f / n if n else 0.0),
        "positive": lambda value: isinstance(value, int | float) and value > 0,
        "run_name": _run_name,
        "sweep_name": _sweep_name,
    }
    for name, resolver in resolvers.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)


def _of_numbers(formula: Callable[..., float]) -> Callable[..., object]:
    # A value that is no number is passed on, so that the later check names the setting of its own.
    return lambda *values: formula(*values) if all(isinstance(value, int) for value in values) else values[0]


def identity_of(config: Mapping[str, object]) -> str:
    """The identity of the run of a resolved configuration. The spelling of numbers does not change it."""
    try:
        return run_id(annotated(config, (*ALLOWED, *plugins_of(config))))
    except (*MISTAKES, ConfigError):  # reported when the experiment is built
        return run_id(config)


def _run_name(*, _root_: DictConfig) -> str:
    config, _ = plain(_root_)
    overrides = list(_root_.hydra.overrides.task)
    identity = identity_of(config)
    name = run_name(overrides, identity)
    for earlier in earlier_names(overrides, (identity, run_id(config, as_typed=True))):
        if any(is_run(parent / earlier) for parent in _parents(_root_)) and earlier != name:
            return earlier
    return name


def _parents(root: DictConfig) -> Iterator[Path]:
    """The folders that may contain the folder of a run, as far as they do not depend on its name."""
    if root.hydra.mode is RunMode.MULTIRUN:
        yield Path(str(root.hydra.sweep.dir))
        return
    settings = cast(dict[str, str], OmegaConf.to_container(root.hydra.run, resolve=False))
    if "${" not in str(single := Path(settings["dir"]).parent):
        yield single


def _sweep_name(*, _root_: DictConfig) -> str:
    """The folder name of a sweep. The same command always gives the same name."""
    overrides = _root_.hydra.overrides
    own = sorted([*overrides.task, *(each for each in overrides.hydra if each.startswith(("hydra/", JOBS)))])
    return run_name(own, run_id({"overrides": own}))


@contextmanager
def own_hydra() -> Iterator[None]:
    # Hydra has one global instance. A job that composes another experiment needs its own back afterwards.
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().clear()
        if outer is not None:
            GlobalHydra.instance().initialize(outer)
