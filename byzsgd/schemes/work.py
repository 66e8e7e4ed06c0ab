"""What rounds with redundancy have in common: who computes what, how long it takes, and how long a message."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Attack, BatchKey, Combined, Delay, LinkLaw, SchemeContext, World

NODE = 0  # whose model all workers read


@dataclass(frozen=True, eq=False)
class Shares:
    """What every worker of a round adds up: the parts of its data, and the weights of their gradients' sums."""

    parts: tuple[np.ndarray, ...]  # by worker: (m,) data blocks
    weights: tuple[np.ndarray, ...]  # by worker: (m,) float64 or complex128
    sizes: tuple[int, ...]  # examples of one batch of every block

    @classmethod
    def of_rows(cls, coefficients: np.ndarray, sizes: tuple[int, ...]) -> Shares:
        """Worker i has the parts at which row i of (n, k) coefficients is not 0."""
        parts = tuple(np.flatnonzero(row) for row in coefficients)
        return cls(parts, tuple(row[at] for row, at in zip(coefficients, parts, strict=True)), sizes)

    @cached_property
    def examples(self) -> int:
        """Of a round, each counted once."""
        return sum(self.sizes)

    @cached_property
    def loads(self) -> tuple[float, ...]:
        """By worker: the share of the round's examples that it computes."""
        return tuple(sum(self.sizes[part] for part in own.tolist()) / self.examples for own in self.parts)

    @cached_property
    def _row_weights(self) -> tuple[tuple[tuple[float, ...], ...], ...]:
        """By worker, the weights of the mean gradients; complex ones as two rows."""
        rows_of_workers = []
        for own, weights in zip(self.parts, self.weights, strict=True):
            scaled = weights * np.array([self.sizes[part] for part in own.tolist()])
            rows = (scaled.real, scaled.imag) if np.iscomplexobj(scaled) else (scaled,)
            rows_of_workers.append(tuple(tuple(row.tolist()) for row in rows))
        return tuple(rows_of_workers)

    def work(self, worker: int, version: int, number: int) -> Combined:
        """What this worker computes in round `number`, at this version of the model."""
        keys = tuple([BatchKey(part, number) for part in self.parts[worker].tolist()])
        return Combined(version, keys, self._row_weights[worker])

    def seconds(self, context: SchemeContext, world: World, worker: int) -> float:
        """Of the worker's next computation: the clock's are those of 1/n of a round's examples."""
        return context.clock.compute(world.clock, worker) * (self.loads[worker] * len(self.parts))


class OneModel:
    """What rounds with one model for all workers say of themselves."""

    facts: ClassVar[Mapping[str, object]] = {}

    def check(self, num_workers: int) -> None:
        """Done when the scheme was configured."""

    def nodes(self, num_workers: int) -> int:
        return 1

    def keeps(self, world: World) -> int:
        return 0

    def remarks(self, world: World) -> tuple[str, ...]:
        return ()


def busy_seconds(link: LinkLaw | None, bits: float) -> float:
    """Seconds for which a message of so many bits keeps its receiver busy."""
    return 0.0 if link is None else link.latency + link.per_message + bits / link.bandwidth


def receptions(ready: Sequence[float], ways: Sequence[float], busy: float | None) -> list[float]:
    """When a receiver has each of the messages that are `ready` then. `busy`: it serves one at a time, in the order of
    readiness (ties: the first), so many seconds each; None: each takes its own way."""
    if busy is None:
        return [at + way for at, way in zip(ready, ways, strict=True)]
    times, free = [math.inf] * len(ready), 0.0
    for sender in sorted(range(len(ready)), key=lambda each: (ready[each], each)):
        free = times[sender] = max(free, ready[sender]) + busy
    return times


def require_on_time(who: str, delay: Delay, attack: Attack) -> None:
    """Raises ValueError where the times of a round cannot be known at its start."""
    availability = getattr(delay, "availability", None)
    away = availability is not None and getattr(availability, "interrupts", True)  # a plugin may not say
    require(not away, who, "delay/availability=always, since the times of a round are known at its start",
            availability=type(availability).__name__)  # fmt: skip
    require(not attack.timed, who, "an attack without timing of its own, since the times of a round are known at its "
            "start", attack=type(attack).__name__)  # fmt: skip
