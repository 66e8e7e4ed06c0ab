"""Nodes of the configuration tree by themselves, as Hydra composes them."""

from __future__ import annotations

import functools
from typing import Any

from hydra.types import RunMode
from omegaconf import OmegaConf

from byzsgd.config.compose import Source, machinery, own_hydra, register_resolvers


@functools.cache
def composed(*words: str) -> dict[str, Any]:
    """What these overrides compose without the primary file, resolved. The caller must not change it."""
    register_resolvers()
    with own_hydra():
        config = machinery(Source()).compose_config(
            None, list(words), RunMode.RUN, from_shell=False, with_log_configuration=False
        )
    return OmegaConf.to_container(
        OmegaConf.masked_copy(config, [key for key in config if key != "hydra"]), resolve=True
    )
