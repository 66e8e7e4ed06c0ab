"""Hydra's loader with a cache: the jobs of a sweep, and experiments one after another, are composed mostly of the same
files."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable, Iterable
from copy import copy
from pathlib import Path
from typing import ClassVar, TypeVar, cast

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra.core.config_search_path import ConfigSearchPath, SearchPathElement
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import ConfigCompositionException
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

K = TypeVar("K")
T = TypeVar("T")

WATCHED = ("hydra", "main", "schema")  # providers of what is Hydra's own or ours
# Settings of Hydra's from which it derives nothing while it composes.
OF_JOBS = ("hydra.run.", "hydra.sweep.", "hydra.sweeper.", "hydra.launcher.", "hydra.mode")
MOST = 512  # pickled configurations that are kept, 20 kB each
_IN_THIS_PROCESS: dict[str, dict[str, object]] = {}  # the state of a loader that came from another process, by its name


class Loader(ConfigLoaderImpl):
    """Reads each file once. Composes the same members once, and then sets other values on a copy.

    A worker process has one cache for all its jobs of a sweep.
    """

    _last: ClassVar[tuple[object, Loader] | None] = None  # of `on`, with the state of its folder

    @classmethod
    def on(cls, folder: Path, config_search_path: ConfigSearchPath) -> Loader:
        """The loader of the call before, with what it has read, unless a file in the folder is another one now.

        A loader that reads other folders too is new each time.
        """
        if not _are_watched(config_search_path.get_path()):
            return cls(config_search_path)
        files = sorted(folder.rglob("*.yaml"))
        state = (str(config_search_path), [(file, (now := file.stat()).st_mtime_ns, now.st_size) for file in files])
        if cls._last is None or cls._last[0] != state:
            cls._last = state, cls(config_search_path)
        return cls._last[1]

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self.repository: ConfigRepository = _Files(config_search_path)
        self._name = uuid.uuid4().hex
        self._composed: dict[tuple[object, ...], bytes] = {}

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_composed": {}}

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
        words = OverridesParser.create().parse_overrides(overrides)
        values = self._values(words)
        choices = [str(each.input_line) for each in words if each not in values]
        compose = super().load_configuration
        config = _remembered(
            self._composed,
            (Path.cwd(), config_name, *choices, run_mode, validate_sweep_overrides),  # Hydra notes the folder
            lambda: compose(config_name, choices, run_mode, from_shell, validate_sweep_overrides),
        )
        if values:
            try:
                self._apply_overrides_to_config(values, config)
            except OmegaConfBaseException as error:
                raise ConfigCompositionException from error
            _note(words, config)
        return config

    def _values(self, words: list[Override]) -> list[Override]:
        """The values that can be set once the members are chosen. None at all where there is more than both: a sweep, a
        setting that is added or taken away, a part that is given as a mapping."""
        values = []
        for each in words:
            key, is_member = each.key_or_group, self.repository.group_exists(each.key_or_group)
            if is_member and isinstance(each.value(), dict) or each.type is not OverrideType.CHANGE:
                return []
            if each.is_sweep_override() or (key.startswith("hydra") and not key.startswith(OF_JOBS)):
                return []
            if not is_member:
                values.append(each)
        return values

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        if not _are_watched(repo.get_sources()):  # an override added a folder
            Loader._last = None
        return super()._compose_config_from_defaults_list(defaults, repo)


class _Files(ConfigRepository):
    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        super().initialize_sources(config_search_path)
        self._read: dict[str, bytes] = {}

    def load_config(self, config_path: str) -> ConfigResult | None:
        read = super().load_config
        return _remembered(self._read, config_path, lambda: read(config_path))

    def __deepcopy__(self, memo: object) -> _Files:
        # Hydra copies it for each composition, since that may add folders; `initialize_sources` then clears the cache.
        return copy(self)


def _are_watched(sources: Iterable[SearchPathElement | ConfigSource]) -> bool:
    """Whether `Loader.on` would see that a file of any of them has changed."""
    return all(source.provider in WATCHED for source in sources)


def _note(words: list[Override], config: DictConfig) -> None:
    """Where Hydra keeps what was on the command line."""
    own = [each for each in words if not each.is_hydra_override()]
    config.hydra.overrides.hydra = [each.input_line for each in words if each.is_hydra_override()]
    config.hydra.overrides.task = [each.input_line for each in own]
    form = config.hydra.job.config.override_dirname
    config.hydra.job.override_dirname = get_overrides_dirname(own, form.exclude_keys, form.item_sep, form.kv_sep)


def _remembered(cache: dict[K, bytes], key: K, make: Callable[[], T]) -> T:
    """A copy of the entry, which `make` gives the first time. The caller may change the copy.

    It is made by pickle, which takes a seventh of the time of `deepcopy`.
    """
    if key not in cache:
        if len(cache) >= MOST:
            del cache[next(iter(cache))]
        cache[key] = pickle.dumps(make(), pickle.HIGHEST_PROTOCOL)
    return cast(T, pickle.loads(cache[key]))
