"""Forking a state: what lets a server answer "what would you do if" without doing it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

from byzsgd.interfaces import ServerContext

T = TypeVar("T")


def fork(state: T) -> T:
    """A copy of a State tree that can be changed freely: containers are copied, tensors and numbers are shared.

    Sharing tensors is safe because a State replaces its tensors and never writes to them; so a fork costs O(n), not
    O(n·d).
    """
    return cast(T, _copy(state))


def _copy(node: Any) -> Any:
    if isinstance(node, ServerContext):
        return node
    if is_dataclass(node) and not isinstance(node, type):
        twin = object.__new__(type(node))
        for item in fields(node):
            object.__setattr__(twin, item.name, _copy(getattr(node, item.name)))
        return twin
    if isinstance(node, dict):
        return {key: _copy(value) for key, value in node.items()}
    return node
