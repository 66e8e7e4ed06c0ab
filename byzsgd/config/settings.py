"""All settings that exist beside a choice of members, read from the YAML files without Hydra, which is slow to
import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import yaml

from byzsgd.checks import leaves
from byzsgd.config.locations import CONF

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEADER = re.compile(r"#\s*@package\s+(\S+)")


def settings(overrides: Sequence[str]) -> dict[str, object]:
    """Every setting that can be given as KEY=VALUE beside these overrides: its dotted key -> its default."""
    chosen = dict(word.split("=", 1) for word in overrides if "=" in word)
    values: dict[str, object] = {}
    for package, node in _files("", "config", chosen):
        own = {key: value for key, value in node.items() if key != "defaults"}
        values |= leaves(own, package)
    return {key: value for key, value in values.items() if not _is_inner(key)}


def _files(group: str, member: str, choices: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """(package, content) of the files of a member and of the parts that it chooses, parts first."""
    path = f"{group}/{member}" if group else member
    text, node = _read(path)
    for part, choice in _defaults(node):
        below = part.lstrip("/") if part.startswith("/") or not group else f"{group}/{part}"
        chosen = choices.get(below, choice)
        for name in chosen if isinstance(chosen, list) else str(chosen).strip("[]").split(","):
            if name and name != "null":
                yield from _files(below, name, choices)
    header = _HEADER.match(text)
    package = header[1] if header else group.replace("/", ".")
    yield "" if package == "_global_" else package, node


def _defaults(node: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    defaults = node.get("defaults")
    for entry in defaults if isinstance(defaults, list) else ():
        for part, choice in entry.items() if isinstance(entry, dict) else ():
            if not part.startswith("override ") and choice is not None:
                yield part, choice


@cache
def _read(path: str) -> tuple[str, dict[str, object]]:
    try:
        text = (CONF / f"{path}.yaml").read_text(encoding="utf-8")
        return text, yaml.load(text, Loader=_LOADER) or {}
    except (OSError, yaml.YAMLError):  # while one types, the name of a member may be incomplete
        return "", {}


def _is_inner(key: str) -> bool:
    """Whether a key is Hydra's, a `_target_`, or a note, which a member leaves for its parts."""
    return key.startswith("hydra.") or any(part.startswith("_") and part.endswith("_") for part in key.split("."))
