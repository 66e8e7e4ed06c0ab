"""Where protocols lie."""

from __future__ import annotations

from pathlib import Path

from byzsgd.config.locations import CONF
from byzsgd.config.targets import ConfigError, suggestion


def protocol_file(name: str) -> Path:
    """A file of the user's, or the one of that name in conf/protocol; ConfigError where there is neither."""
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    known = {file.stem: file for file in (CONF / "protocol").glob("*.yaml")}
    if name not in known:
        raise ConfigError(f"no protocol '{name}'{suggestion(name, known)}")
    return known[name]
