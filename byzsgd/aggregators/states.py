"""Forking a state: what lets a server answer "what would you do if" without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

from byzsgd.checks import require
from byzsgd.interfaces import Aggregator, Arrival, Decision, ServerContext

S = TypeVar("S")
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


def foresee(aggregator: Aggregator[S], state: S, arrivals: Sequence[Arrival]) -> Decision:
    """What `preview` answers: the last decision, were these delivered in turn to a fork of the state."""
    require(len(arrivals) > 0, "preview", "at least one arrival", arrivals=0)
    forked = fork(state)
    return [aggregator.receive(forked, arrival) for arrival in arrivals][-1]
