"""Nodes of the configuration tree by themselves, as Hydra composes them."""

from __future__ import annotations

import functools
from typing import Any

from hydra._internal.utils import create_config_search_path
from hydra.types import RunMode
from omegaconf import OmegaConf

from byzsgd.config.compose import own_hydra, register_resolvers
from byzsgd.config.loader import Loader
from byzsgd.config.locations import CONF


@functools.cache
def composed(*words: str, primary: str | None = None) -> dict[str, Any]:
    """What these overrides compose, resolved; nothing else is in it. The caller must not change it."""
    register_resolvers()
    loader = Loader.on(CONF, create_config_search_path(str(CONF)))
    with own_hydra():
        config = loader.load_configuration(primary, list(words), RunMode.RUN)
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return OmegaConf.to_container(own, resolve=True)
