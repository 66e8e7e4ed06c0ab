"""Overrides given in Python become overrides as on the command line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from byzsgd.config.catalogue import groups
from byzsgd.config.targets import ConfigError

Overrides = str | Sequence[str] | Mapping[str, object]


def spelled_out(*given: Overrides) -> list[str]:
    """Texts, lists of texts and dicts of settings, as one list of overrides. ConfigError for anything else."""
    words: list[str] = []
    for each in given:
        if isinstance(each, str):
            words.append(each)
        elif isinstance(each, Mapping):
            words += _of_mapping(each, "")
        elif isinstance(each, Sequence) and all(isinstance(word, str) for word in each):
            words += each
        else:
            raise ConfigError(f"an override needs a text, a list of texts or a dict of settings; got {each!r}")
    return words


def quoted(text: str) -> str:
    """A text as the value of an override."""
    # Hydra reads backslashes literally, except before a quote and at the end.
    escaped = re.sub(r"(\\*)('|$)", lambda match: match[1] * 2 + ("\\'" if match[2] else ""), text)
    return f"'{escaped}'".replace("${", "\\${")


def value_of(key: str, value: Any) -> str:
    """A plain value as one types it after `key=`; ConfigError for an object."""
    if type(value).__module__ == "numpy" and not getattr(value, "shape", None):
        value = value.item()
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return value if key in groups() else quoted(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(value_of(key, item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{value_of(f'{key}.{name}', item)}" for name, item in value.items()) + "}"
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise ConfigError(
        f"{key} needs a plain value; got a {kind} (an object stands for a part in byzsgd.experiment: docs/extending.md)"
    )


def _of_mapping(settings: Mapping[str, object], path: str) -> Iterator[str]:
    for name, value in settings.items():
        key = f"{path}.{name}" if path else str(name)
        if isinstance(value, Mapping) and value:
            yield from _of_mapping(value, key)
        else:
            yield f"{key}={value_of(key, value)}"
