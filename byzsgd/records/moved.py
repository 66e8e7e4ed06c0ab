"""What version 0.1 called by another name, or did not have: its runs keep their ids and their folders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Targets that have moved, and the word that version 0.1 wrote into configurations and ids.
WORDS = {
    "byzsgd.run.Experiment": "byzsgd.runner.Experiment",
    "byzsgd.run.Budget": "byzsgd.session.Budget",
    "byzsgd.run.Metrics": "byzsgd.session.Metrics",
}
_NOW = {word: target for target, word in WORDS.items()}

# Groups that version 0.1 did not have: the choice (None: null) under which a run is what it was without them.
NEUTRAL: dict[str, tuple[str | None, ...]] = {
    "compressor": (None, "byzsgd.compressors.none"),
    "scheme": ("byzsgd.schemes.server",),
}


# What a configuration of version 0.1 stands for in groups that every run has now.
ADDED = {"scheme": {"_target_": "byzsgd.schemes.server"}}


def up_to_date(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored configuration with the names that its targets have now."""
    return {key: _renamed(key, node, _NOW) for key, node in stored.items()}


def completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with the groups that every run has now, fit to be built."""
    return {**config, **{group: node for group, node in ADDED.items() if group not in config}}


def in_first_words(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as version 0.1 would have written it: with its names, without the groups that change nothing."""
    return {
        key: _renamed(key, node, WORDS)
        for key, node in config.items()
        if not (key in NEUTRAL and _target(node) in NEUTRAL[key])
    }


def _renamed(key: str, node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {name: _renamed(name, item, names) for name, item in node.items()}
    if isinstance(node, list | tuple):
        return [_renamed("", item, names) for item in node]
    return names.get(node, node) if key == "_target_" else node


def _target(node: Any) -> Any:
    return node.get("_target_", "") if isinstance(node, Mapping) else node
