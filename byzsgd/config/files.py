"""The files of protocols and studies."""

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
    """The published table of servers and attacks, for comparison; ConfigError outside a checkout that has it."""
    file = CONF.parent / "docs" / "studies" / "map.csv"
    if not file.is_file():
        raise ConfigError(f"the reference needs a checkout in which the study map was published; got no {file}")
    return file


def named_file(kind: Kind, name: str) -> Path:
    """A YAML file of the user, or the file of that name in conf/; ConfigError where neither exists."""
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    files = named_files(kind)
    if name not in files:
        raise ConfigError(f"no {kind} '{name}'{suggestion(name, files)}")
    return files[name]
