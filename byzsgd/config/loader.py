"""Hydra's loader with a cache: the jobs of a sweep, and experiments one after another, are composed mostly of the same
files."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from copy import copy, deepcopy
from pathlib import Path
from typing import ClassVar, TypeVar

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.default_element import ResultDefault
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig

K = TypeVar("K")
T = TypeVar("T")

WATCHED = ("hydra", "main", "schema")  # providers of what is Hydra's own or ours
MOST = 512  # configurations of 150 kB that are kept
_IN_THIS_PROCESS: dict[str, dict[str, object]] = {}  # the state of a loader that came from another process, by its name


class Loader(ConfigLoaderImpl):
    """Reads each file once. Merges the files of the same members once, whatever other values are set. Composes the same
    overrides once, if they come twice in a row.

    A worker process has one cache for all its jobs of a sweep.
    """

    _last: ClassVar[tuple[object, Loader] | None] = None  # of `on`, with the state of its folder

    @classmethod
    def on(cls, folder: Path, config_search_path: ConfigSearchPath) -> Loader:
        """The loader of the call before, with what it has read, unless a file in the folder is another one now.

        A loader that reads other folders too is new each time.
        """
        files = sorted(folder.rglob("*.yaml"))
        state = (str(config_search_path), [(file, (now := file.stat()).st_mtime_ns, now.st_size) for file in files])
        if cls._last is None or cls._last[0] != state:
            cls._last = state, cls(config_search_path)
        loader = cls._last[1]
        if any(source.provider not in WATCHED for source in loader.repository.get_sources()):
            cls._last = None
        return loader

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self.repository: ConfigRepository = _Files(config_search_path)
        self._name = uuid.uuid4().hex
        self._merged: dict[str, DictConfig] = {}
        self._latest: dict[tuple[object, ...], DictConfig] = {}  # one entry: those of a thousand jobs would take 150 MB

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_merged": {}, "_latest": {}}

    def __setstate__(self, state: dict[str, object]) -> None:
        name = str(state["_name"])
        if name not in _IN_THIS_PROCESS:
            _IN_THIS_PROCESS.clear()  # the loader of an earlier sweep
            _IN_THIS_PROCESS[name] = state
        self.__dict__ |= _IN_THIS_PROCESS[name]

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        compose = super().load_configuration
        words = (Path.cwd(), config_name, *overrides, run_mode, validate_sweep_overrides)  # Hydra notes the folder
        if words not in self._latest:
            self._latest.clear()
        return _remembered(
            self._latest, words, lambda: compose(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)
        )

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        merge = super()._compose_config_from_defaults_list
        sources = [(source.provider, source.path) for source in repo.get_sources()]
        if any(provider not in WATCHED for provider, _ in sources):
            Loader._last = None
        return _remembered(self._merged, f"{sources} {defaults}", lambda: merge(defaults, repo))


class _Files(ConfigRepository):
    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        super().initialize_sources(config_search_path)
        self._read: dict[str, ConfigResult | None] = {}

    def load_config(self, config_path: str) -> ConfigResult | None:
        read = super().load_config
        return _remembered(self._read, config_path, lambda: read(config_path))

    def __deepcopy__(self, memo: object) -> _Files:
        # Hydra copies it for each composition, since that may add folders; `initialize_sources` then clears the cache.
        return copy(self)


def _remembered(cache: dict[K, T], key: K, make: Callable[[], T]) -> T:
    """A copy of the entry, which `make` gives the first time. The caller may change the copy."""
    if key not in cache:
        if len(cache) >= MOST:
            del cache[next(iter(cache))]
        cache[key] = make()
    return deepcopy(cache[key])
