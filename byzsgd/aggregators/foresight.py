"""Foreseeing a decision: what lets a server answer "what would you do if" without doing it."""

from __future__ import annotations

from collections.abc import Sequence

from byzsgd.checks import require
from byzsgd.interfaces import Aggregator, Arrival, Decision
from byzsgd.interfaces.values import S
from byzsgd.records.tree import fork


def foresee(aggregator: Aggregator[S], state: S, arrivals: Sequence[Arrival]) -> Decision:
    """What `preview` answers: the last decision, were these delivered in turn to a fork of the state."""
    require(len(arrivals) > 0, "preview", "at least one arrival", arrivals=0)
    copy = fork(state, f"the state of {type(aggregator).__name__}")
    return [aggregator.receive(copy, arrival) for arrival in arrivals][-1]
