"""Objects among the settings given in Python: they are separated from the plain values and put into the
configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.config.annotations import is_plain
from byzsgd.config.catalogue import groups
from byzsgd.config.targets import ConfigError, suggestion
from byzsgd.config.words import Overrides

if TYPE_CHECKING:
    from byzsgd.run.own_parts import OwnPart


def parted(*given: Overrides) -> tuple[list[Overrides], dict[str, object]]:
    """The plain settings, and the objects by their keys."""
    objects: dict[str, object] = {}
    return [_without(each, "", objects) if isinstance(each, Mapping) else each for each in given], objects


def placed(words: Sequence[str], objects: Mapping[str, object]) -> tuple[list[str], list[OwnPart]]:
    """The overrides, with those that the objects need around them, and the parts. ConfigError where an override sets
    something that an object replaces."""
    if not objects:
        return list(words), []
    from byzsgd.run.own_parts import own_part

    try:
        parts = [own_part(key, value) for key, value in objects.items()]
    except ValueError as error:
        raise ConfigError(str(error)) from None
    for key, part in zip(objects, parts, strict=True):
        for word in words:
            name = word.lstrip("+~").partition("=")[0].partition("@")[0]
            dotted = name.replace("/", ".")
            if name == key or dotted == part.path or dotted.startswith(f"{part.path}."):
                raise ConfigError(f"{key} needs an object or settings, not both; got an object and {word}")
    return [*(word for part in parts for word in part.words), *words], parts


def filled(
    config: dict[str, object], choices: dict[str, str], parts: Sequence[OwnPart]
) -> tuple[dict[str, object], dict[str, str]]:
    """A resolved configuration that contains the objects, and choices that contain their names."""
    chosen = dict(choices)
    for part in parts:
        above, _, leaf = part.path.rpartition(".")
        _node(config, above, part.path)[leaf] = part.part
        group = part.path.replace(".", "/")
        chosen = {each: member for each, member in chosen.items() if not f"{each}/".startswith(f"{group}/")}
        chosen |= dict.fromkeys(part.groups, part.name)
        if part.path == "dataset" and chosen.get("model") == "default":
            if not hasattr(part.part, "model"):
                raise ConfigError("dataset needs a model beside it (model=mlp), or one of its own (`model`); got none")
            config["model"] = part.part.model
    return config, chosen


def _without(given: Mapping[str, object], path: str, objects: dict[str, object]) -> dict[str, object]:
    """The same settings without the objects of groups, which are moved into `objects`. Other objects stay: they are
    refused later."""
    left: dict[str, object] = {}
    for name, value in given.items():
        key = f"{path}.{name}" if path else str(name)
        if _is_part(key, value):
            objects[key] = value
        elif isinstance(value, Mapping):
            left[name] = _without(value, key, objects)
        else:
            left[name] = value
    return left


def _is_part(key: str, value: object) -> bool:
    """Whether a value is an object for a group, or for a setting in one."""
    group, _, below = key.replace(".", "/").partition("/")
    if group not in groups():
        return False
    if key.replace(".", "/") not in groups():
        return not is_plain(value)
    if isinstance(value, str):
        return key == "delay" and bool(Path(value).suffix)
    if key == "dataset" and isinstance(value, list | tuple):
        return True
    return not is_plain(value) or isinstance(value, bool | int | float)


def _node(config: dict[str, object], path: str, whole: str) -> dict[str, object]:
    """The settings at a dotted path."""
    node = config
    for name in path.split(".") if path else ():
        below = node.get(name)
        if not isinstance(below, dict):
            raise ConfigError(f"no place '{whole}' for an object{suggestion(name, map(str, node))}")
        node = below
    return node
