"""Which settings there are beside a choice of members, by reading YAML files: quick, and without Hydra."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from byzsgd.checks import leaves
from byzsgd.config.locations import CONF

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEADER = re.compile(r"#\s*@package\s+(\S+)")


def settings(overrides: Sequence[str]) -> dict[str, Any]:
    """Every setting that can be given as KEY=VALUE, by its dotted key, with its value beside these overrides."""
    told = dict(word.split("=", 1) for word in overrides if "=" in word)
    found: dict[str, Any] = {}
    for place, node in _files("", "config", told):
        own = {key: value for key, value in node.items() if key != "defaults"}
        found |= leaves(own, place)
    return {key: value for key, value in found.items() if not _is_inner(key)}


def _files(group: str, member: str, told: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The files of a member and of what it chooses, parts first, each with the place of its keys."""
    path = f"{group}/{member}" if group else member
    text, node = _read(path)
    for part, choice in _defaults(node):
        below = part.lstrip("/") if part.startswith("/") or not group else f"{group}/{part}"
        chosen = told.get(below, choice)
        for name in chosen if isinstance(chosen, list) else str(chosen).strip("[]").split(","):
            if name and name != "null":
                yield from _files(below, name, told)
    header = _HEADER.match(text)
    package = header[1] if header else group.replace("/", ".")
    yield "" if package == "_global_" else package, node


def _defaults(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for entry in node.get("defaults") or ():
        for part, choice in entry.items() if isinstance(entry, dict) else ():
            if not part.startswith("override ") and choice is not None:
                yield part, choice


@cache
def _read(path: str) -> tuple[str, dict[str, Any]]:
    try:
        text = (CONF / f"{path}.yaml").read_text(encoding="utf-8")
        return text, yaml.load(text, Loader=_LOADER) or {}
    except (OSError, yaml.YAMLError):  # half a word, while one types
        return "", {}


def _is_inner(key: str) -> bool:
    """Of Hydra, or `_target_` and the values that a member leaves for its parts."""
    return key.startswith("hydra.") or any(part.startswith("_") and part.endswith("_") for part in key.split("."))
