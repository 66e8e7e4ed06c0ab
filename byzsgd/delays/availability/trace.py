from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from byzsgd.checks import require
from byzsgd.delays.tables import Table, read_table, split_by_worker
from byzsgd.interfaces import Slots
from byzsgd.sources import Sources, noting

from .presence import Presence, number_of

Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Trace(Presence):
    """Presence replayed from a CSV or Parquet file with the columns worker, start, finish: one row for each stay.

    Every worker of the run needs at least one stay; those of one worker must not overlap. With `repeat=true` the file
    starts over at its largest finish. With `repeat=false` a worker does not come back after its last stay. A second of
    presence costs `price`.
    """

    path: str
    repeat: bool
    price: float

    def __post_init__(self) -> None:
        require(0 <= self.price < math.inf, "trace availability", "0 <= price < inf", price=self.price)

    @property
    def rate(self) -> float:
        return self.price

    def check(self, num_workers: int) -> None:
        workers = len(self.stays)
        needs = f"the workers 0 … {num_workers - 1} in {self.path}"
        require(workers == num_workers, "trace availability", needs, last_worker=workers - 1)

    @cached_property
    def _read(self) -> tuple[Table, Sources]:
        with noting() as sources:
            return read_table("trace availability", self.path, ("worker", "start", "finish")), sources

    @property
    def sources(self) -> Sources:
        """The file that is replayed."""
        return self._read[1]

    @cached_property
    def stays(self) -> tuple[Spans, ...]:
        """For each worker its stays [start, finish) in order."""
        who = "trace availability"
        table, _ = self._read
        order = np.lexsort((table["start"], table["worker"]))
        stays: list[Spans] = []
        parts = split_by_worker(who, self.path, {name: column[order] for name, column in table.items()})
        for worker, rows in enumerate(parts):
            spans = tuple(zip(rows["start"].tolist(), rows["finish"].tolist(), strict=True))
            for start, finish in spans:
                needs = f"0 <= start < finish < inf in {self.path}"
                require(0 <= start < finish < math.inf, who, needs, worker=worker, start=start, finish=finish)
            for (_, finish), (start, _) in zip(spans, spans[1:], strict=False):
                require(finish <= start, who, f"no overlap in {self.path}", worker=worker, start=start, before=finish)
            stays.append(spans)
        return tuple(stays)

    @property
    def grain(self) -> float:
        return self.length

    @cached_property
    def length(self) -> float:
        """The largest finish of the file, in seconds."""
        return max(spans[-1][1] for spans in self.stays)

    def outage(self, slots: Slots, worker: int, start: float, finish: float) -> tuple[float, float] | None:
        spans = self._from(worker, start)
        begin, end = next(spans, (math.inf, math.inf))
        if begin > start:
            return start, begin
        while end < finish:
            begin, following = next(spans, (math.inf, math.inf))
            if begin > end:
                return end, begin
            end = following
        return None

    def _from(self, worker: int, time: float) -> Iterator[tuple[float, float]]:
        """The stays that end after `time`, in order."""
        spans = self.stays[worker]
        lap = max(number_of("trace availability", time, self.length) - 1, 0) if self.repeat else 0
        while True:
            offset = lap * self.length
            first = bisect_right(spans, time, key=lambda span: offset + span[1])
            for begin, end in spans[first:]:
                yield offset + begin, (offset + end if end < self.length else (lap + 1) * self.length)
            if not self.repeat:
                return
            lap += 1
