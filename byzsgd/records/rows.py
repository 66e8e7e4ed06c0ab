"""The columns of a record: one row per delivered message, one per evaluation."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_type_hints

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from byzsgd.interfaces import Event

Metric = float | int | None


class ArrivalRow:
    """The schema of `run.arrivals`, in order. One Float64 column follows for every score that the server reports."""

    arrival: int  # number of the delivery, from 0
    time: float  # virtual seconds
    worker: int
    serial: int  # number of the job of its worker, from 0
    byzantine: bool
    read_at: int  # the version that the worker read, as the server believes
    read_at_true: int  # that version in truth
    step: int  # server updates before this delivery
    staleness: int  # step - read_at
    accepted: bool
    reason: str
    weight: float
    norm: float  # of the vector that was sent
    bits: int  # of the message
    updated: bool  # whether the model was updated


class MetricRow:
    """The schema of `run.metrics`, in order. The other metrics of the problem follow."""

    step: int
    time: float
    arrivals: int  # deliveries before this evaluation
    train_loss: float
    test_loss: float
    test_accuracy: float


_POLARS = {int: pl.Int64(), float: pl.Float64(), bool: pl.Boolean(), str: pl.String()}


def _schema(row: type) -> dict[str, pl.DataType]:
    return {name: _POLARS[kind] for name, kind in get_type_hints(row).items()}


ARRIVALS = _schema(ArrivalRow)
METRICS = _schema(MetricRow)


def arrivals_schema(scores: Sequence[str]) -> dict[str, pl.DataType]:
    """The fixed columns, then the scores in the server's order."""
    return ARRIVALS | {name: pl.Float64() for name in scores}


# A block of deliveries: every column of `arrivals_schema` but the number of the delivery, which the recorder adds.
Columns = Mapping[str, Sequence[Any] | np.ndarray]


class Block:
    """The deliveries since the last `take`. To add one must cost little beside a gradient, so it appends a tuple."""

    def __init__(self, scores: Sequence[str]) -> None:
        self._names = tuple(arrivals_schema(scores))[1:]
        self._scores = tuple(scores)
        self._allowed = frozenset(scores)
        self._rows: list[tuple[object, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, event: Event) -> None:
        arrival = event.arrival
        decision = event.decision
        measured = decision.scores
        if not self._allowed.issuperset(measured):
            unknown = ", ".join(sorted(set(measured) - self._allowed))
            raise ValueError(f"a decision needs scores that its server names; got {unknown}")
        step = arrival.step
        read_at = arrival.read_at
        self._rows.append(
            (
                arrival.time,
                arrival.worker,
                event.serial,
                event.byzantine,
                read_at,
                event.read_at_true,
                step,
                step - read_at,
                decision.accepted,
                decision.reason,
                decision.weight,
                event.norm,
                event.message.bits,
                event.updated,
                *map(measured.get, self._scores),
            )
        )

    def take(self) -> Columns:
        """Returns the deliveries so far, by column, and forgets them."""
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(self._names)
        block = dict(zip(self._names, columns, strict=True))
        self._rows = []
        return block


class ArrivalRows:
    """Rows of `run.arrivals`, from the blocks since the last `take`."""

    def __init__(self, scores: Sequence[str], first: int) -> None:
        self._schema = arrivals_schema(scores)
        self._frames: list[pl.DataFrame] = []
        self._count = 0
        self.next = first  # number of the next row

    def __len__(self) -> int:
        return self._count

    def add(self, block: Columns) -> None:
        """Adds a block; ValueError where it has other columns, or columns of different lengths."""
        lengths = {len(values) for values in block.values()}
        names = [*self._schema][1:]
        if set(block) != set(names) or len(lengths) > 1:
            raise ValueError(f"a block needs columns of one length, {', '.join(names)}; got {', '.join(block)}")
        count = lengths.pop()
        numbered = {"arrival": range(self.next, self.next + count), **{name: block[name] for name in names}}
        self._frames.append(pl.DataFrame(numbered, schema=self._schema))
        self._count += count
        self.next += count

    def frame(self) -> pl.DataFrame:
        """Returns the rows so far and keeps them."""
        if len(self._frames) != 1:
            # In one chunk: the record must not depend on the sizes of the blocks.
            whole = pl.concat([pl.DataFrame(schema=self._schema), *self._frames]).rechunk()
            self._frames = [whole]
        return self._frames[0]

    def take(self) -> pl.DataFrame:
        """Returns the rows so far and forgets them."""
        frame = self.frame()
        self._frames, self._count = [], 0
        return frame


def to_parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def metrics_frame(rows: Iterable[Mapping[str, Metric]]) -> pl.DataFrame:
    """The fixed columns, then the others in the order of their first appearance; null where a row has no value."""
    rows = tuple(rows)
    schema = dict(METRICS)
    for row in rows:
        for name in row:
            schema.setdefault(name, pl.Float64())
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema)


def metrics_row(row: Mapping[str, Any]) -> dict[str, Metric]:
    """The row in plain numbers: counts as int, measurements as float, null as None."""
    integers = {name for name, kind in METRICS.items() if kind == pl.Int64()}
    return {
        name: None if value is None else int(value) if name in integers else float(value) for name, value in row.items()
    }
