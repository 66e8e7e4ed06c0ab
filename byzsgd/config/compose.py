"""From overrides to a resolved configuration, and to the experiment that it describes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from byzsgd.config.locations import CONF
from byzsgd.config.mistakes import MISTAKES, explain
from byzsgd.config.objects import ALLOWED, build
from byzsgd.config.targets import ConfigError, annotated
from byzsgd.records import is_run, run_id, run_name
from byzsgd.records.identity import earlier_names

if TYPE_CHECKING:
    from byzsgd.run import Experiment


def experiment(*overrides: str) -> Experiment:
    """The experiment that `byzsgd train <overrides>` would run, e.g. `experiment("aggregator=krum", "seed=1")`.

    Works in a notebook, several times, and inside a running job. Raises ConfigError, in one line.
    """
    try:
        config, chosen = plain(composed(overrides))
    except MISTAKES as error:
        raise ConfigError(explain(error)) from error
    return build(config, chosen)


def composed(overrides: Sequence[str]) -> DictConfig:
    """The configuration tree of the overrides, with Hydra's own node."""
    register_resolvers()
    with own_hydra(), hydra.initialize_config_dir(version_base="1.3", config_dir=str(CONF), job_name="byzsgd"):
        return hydra.compose("config", overrides=list(overrides), return_hydra_config=True)


def plain(config: DictConfig) -> tuple[dict[str, Any], dict[str, str]]:
    """The resolved configuration without Hydra's node, and which member of every group was chosen."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return cast(dict[str, Any], OmegaConf.to_container(own, resolve=True)), choices(config.hydra.runtime.choices)


def choices(chosen: Any) -> dict[str, str]:
    return {
        str(group): member if isinstance(member, str) else ",".join(member)
        for group, member in chosen.items()
        if member is not None and not str(group).startswith("hydra/")
    }


def register_resolvers() -> None:
    """The arithmetic that YAML lacks, and the names of run folders."""
    resolvers: dict[str, Callable[..., Any]] = {
        "third": _of_numbers(lambda n: max(2, n // 3)),  # Kardam's buffer
        "quorum": _of_numbers(lambda f: 2 * f + 1),
        "less_one": _of_numbers(lambda n: n - 1),
        "share": _of_numbers(lambda f, n: f / n if n else 0.0),
        "positive": lambda value: isinstance(value, int | float) and value > 0,
        "run_name": _run_name,
    }
    for name, resolver in resolvers.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)


def _of_numbers(formula: Callable[..., float]) -> Callable[..., Any]:
    # What is no number is handed on as it is, so that the check names the setting that it came from.
    return lambda *values: formula(*values) if all(isinstance(value, int) for value in values) else values[0]


def _run_name(*, _root_: DictConfig) -> str:
    config, _ = plain(_root_)
    told = list(_root_.hydra.overrides.task)
    try:
        identity = run_id(annotated(config, (*ALLOWED, *(config.get("plugins") or ()))))
    except MISTAKES:  # told when it is built
        identity = run_id(config)
    name = run_name(told, identity)
    for earlier in earlier_names(told, (identity, run_id(config, as_typed=True))):
        if any(is_run(parent / earlier) for parent in _parents(_root_)) and earlier != name:
            return earlier
    return name


def _parents(root: DictConfig) -> Iterator[Path]:
    """Where the folder of a run that is named by `run_name` is, as far as that is known before it has its name."""
    if root.hydra.mode is RunMode.MULTIRUN:
        yield Path(str(root.hydra.sweep.dir))
        return
    told = cast(dict[str, str], OmegaConf.to_container(root.hydra.run, resolve=False))
    if "${" not in str(single := Path(told["dir"]).parent):
        yield single


@contextmanager
def own_hydra() -> Iterator[None]:
    # Hydra keeps one global instance; a job that composes another experiment must find its own again afterwards.
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().clear()
        if outer is not None:
            GlobalHydra.instance().initialize(outer)
