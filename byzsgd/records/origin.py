"""What a part was built from, kept with it: a record can say it when the part is put into another experiment."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

CODE, DIGEST = "_code_", "_digest_"  # of a node that no configuration can say: only Python code makes its part again
_NODE = "_configured_as"


def remember(part: Any, node: Mapping[str, Any], choices: Mapping[str, str] | None = None) -> None:
    """Keeps with a part the node that it was built from, and the choices of its group, where the part has room."""
    is_part = isinstance(part, functools.partial) or (is_dataclass(part) and not isinstance(part, type))
    if is_part and hasattr(part, "__dict__"):
        vars(part)[_NODE] = (node, choices or {})


def remembered(part: object) -> tuple[Mapping[str, object], Mapping[str, str]] | None:
    """The node and the choices; None: it was made otherwise."""
    found = getattr(part, _NODE, None)
    return found if isinstance(found, tuple) else None
