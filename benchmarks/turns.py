"""How benchmarks compare: in one process, in turns of random order, by CPU time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping


def in_turns(ways: Mapping[str, Callable[[], float]], turns: int) -> list[dict[str, float]]:
    """The seconds of every way, turn by turn. The order is random, since a fixed one would favour the second. Ways
    alternate, since only times of the same moment can be compared."""
    seconds = []
    for number in range(turns):
        order = list(ways)
        random.Random(number).shuffle(order)
        seconds.append({name: ways[name]() for name in order})
    return seconds
