"""Hydra's loader with a memory, for as long as one command: jobs of a sweep share most of what they are composed of."""

from __future__ import annotations

import copy
import pickle
import uuid
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.default_element import ResultDefault
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig


class Loader(ConfigLoaderImpl):
    """Composes the same words once, and the files of the same members once, with whatever values beside them.

    What is remembered is kept as bytes: configurations are changed by who asks for them, and unpickling one takes a
    fifth of the time of copying it. Another process has one memory for all jobs of a sweep that it takes.
    """

    def __init__(self, config_search_path: ConfigSearchPath, name: str = "") -> None:
        super().__init__(config_search_path)
        self.repository: ConfigRepository = _Files(config_search_path)
        self._name = name or uuid.uuid4().hex
        self._composed: dict[Any, bytes] = {}
        self._merged: dict[Any, bytes] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_this_process, (self._name, self.config_search_path)

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        def compose() -> DictConfig:
            return super(Loader, self).load_configuration(
                config_name, overrides, run_mode, from_shell, validate_sweep_overrides
            )

        words = (config_name, *overrides, run_mode, validate_sweep_overrides)
        return _remembered(self._composed, words, compose)

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        def merge() -> DictConfig:
            return super(Loader, self)._compose_config_from_defaults_list(defaults, repo)

        places = [(source.provider, source.path) for source in repo.get_sources()]
        return _remembered(self._merged, f"{places} {defaults}", merge)


class _Files(ConfigRepository):
    """Reads a file once."""

    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        super().initialize_sources(config_search_path)
        self._read: dict[str, bytes] = {}

    def load_config(self, config_path: str) -> ConfigResult | None:
        return _remembered(self._read, config_path, lambda: super(_Files, self).load_config(config_path))

    def __deepcopy__(self, memo: Any) -> _Files:
        # Hydra copies it for each composition because that may ask for other folders, which begins another memory.
        return copy.copy(self)


_LOADERS: dict[str, Loader] = {}


def _of_this_process(name: str, path: ConfigSearchPath) -> Loader:
    if name not in _LOADERS:
        _LOADERS.clear()  # of an earlier sweep
        _LOADERS[name] = Loader(path, name)
    return _LOADERS[name]


def _remembered(known: dict[Any, bytes], key: Any, make: Any) -> Any:
    if key not in known:
        known[key] = pickle.dumps(make())
    return pickle.loads(known[key])
