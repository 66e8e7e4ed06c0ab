"""How benchmarks compare: in one process, by turns in random order, in CPU time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping


def in_turns(ways: Mapping[str, Callable[[], float]], turns: int) -> list[dict[str, float]]:
    """The seconds that every way says it took, turn by turn: a fixed order would favour who comes second, and only
    what is close in time can be compared."""
    found = []
    for number in range(turns):
        order = list(ways)
        random.Random(number).shuffle(order)
        found.append({name: ways[name]() for name in order})
    return found
