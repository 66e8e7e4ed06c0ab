"""The configuration node from which a part was built is kept with the part. If the part is put into another experiment
in Python, the record of that one still names it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import is_dataclass

CODE, DIGEST = "_code_", "_digest_"  # keys of a node whose part only Python code can make
_NODE = "_configured_as"


def remember(part: object, node: Mapping[str, object], choices: Mapping[str, str] | None = None) -> None:
    """Keeps with a part its node and the choices of its group. Parts without a `__dict__` keep nothing."""
    is_part = isinstance(part, functools.partial) or (is_dataclass(part) and not isinstance(part, type))
    if is_part and hasattr(part, "__dict__"):
        vars(part)[_NODE] = (node, choices or {})


def remembered(part: object) -> tuple[Mapping[str, object], Mapping[str, str]] | None:
    """The node and the choices of a part; None: no configuration built it."""
    kept = getattr(part, _NODE, None)
    return kept if isinstance(kept, tuple) else None
