"""Where protocols and studies lie."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from byzsgd.config.locations import CONF
from byzsgd.config.targets import ConfigError, suggestion

Kind = Literal["protocol", "study"]


def named_files(kind: Kind) -> dict[str, Path]:
    """The files in conf/protocol or conf/study, by name."""
    return {file.stem: file for file in sorted((CONF / kind).glob("*.yaml"))}


def reference_file() -> Path:
    """The table of servers and attacks that others may compare with; ConfigError outside a checkout that has it."""
    file = CONF.parent / "docs" / "studies" / "map.csv"
    if not file.is_file():
        raise ConfigError(f"the reference needs a checkout in which the study map was published; got no {file}")
    return file


def named_file(kind: Kind, name: str) -> Path:
    """A file of the user's, or the one of that name in conf/; ConfigError where there is neither."""
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    known = named_files(kind)
    if name not in known:
        raise ConfigError(f"no {kind} '{name}'{suggestion(name, known)}")
    return known[name]
