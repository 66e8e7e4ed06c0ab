"""A long run whose memory, records and time per delivery must stay flat.

    python tests/fuzz/soak.py [--deliveries 1000000] [OVERRIDE ...]

Measured at a hundred places; the first fifth is left to caches that fill. Rows wait in memory for the next checkpoint,
so there is one at every place: else memory would be measured at another height of the same saw each time. The run is
one that compiled code plays, if Numba is there; engine=fused is the general path. Exit code 1 where the memory grows by
more than SLOPE bytes a delivery, the records take more than BYTES of the disk a delivery, or a delivery of the last
fifth takes more than RATIO times one of the second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from byzsgd import experiment
from byzsgd.run.screen import Nobody

SLOPE, BYTES, RATIO = 4.0, 100.0, 1.5
PLACES = 100
COMMON = ("aggregator=kardam", "attack=lie", "model=logistic_regression", "batch_size=8")


def resident() -> int:
    """Bytes of memory that the process holds now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


@dataclass
class Gauge(Nobody):
    """A screen that notes how much is held, and when, every so many deliveries."""

    every: int
    deliveries: int = 0
    rows: list[tuple[int, float, int]] = field(default_factory=list)  # deliveries, seconds, bytes

    def event(self, event: object) -> None:
        self._passed(1)

    def block(self, columns) -> None:
        self._passed(len(columns["time"]))

    def _passed(self, count: int) -> None:
        before, self.deliveries = self.deliveries, self.deliveries + count
        if self.deliveries // self.every > before // self.every:
            self.rows.append((self.deliveries, time.process_time(), resident()))


@dataclass(frozen=True)
class Measured:
    """What a long run took."""

    slope: float  # bytes of memory a delivery
    record: float  # bytes on the disk a delivery
    first: float  # seconds of computing a delivery, in the second fifth
    last: float  # and in the last one

    @property
    def flat(self) -> bool:
        return self.slope <= SLOPE and self.record <= BYTES and self.last <= RATIO * self.first


def soaked(deliveries: int, *overrides: str) -> Measured:
    """Plays so many deliveries into a folder of its own."""
    gauge = Gauge(max(deliveries // PLACES, 1))
    looks = (f"eval_every={max(deliveries // 50, 1)}", f"checkpoint_every={gauge.every}")
    told = (*COMMON, f"budget.arrivals={deliveries}", *looks, *overrides)
    with tempfile.TemporaryDirectory() as place:
        experiment(*told).run(Path(place) / "run", gauge)
        size = sum(file.stat().st_size for file in (Path(place) / "run/arrivals").iterdir())
    return measured(np.array(gauge.rows), size / deliveries)


def measured(rows: np.ndarray, record: float) -> Measured:
    """What (PLACES, 3) rows say: deliveries, seconds, bytes. Allocators take megabytes in single steps; a leak is there
    all the time: the slope is the median of those of eight pieces."""
    rows = rows[len(rows) // 5 :]
    fifth = len(rows) // 4
    begin, end = rows[: fifth + 1], rows[-fifth - 1 :]
    steps = np.diff(rows[:: len(rows) // 8], axis=0)
    first, last = ((part[-1, 1] - part[0, 1]) / (part[-1, 0] - part[0, 0]) for part in (begin, end))
    return Measured(float(np.median(steps[:, 2] / steps[:, 0])), record, float(first), float(last))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=10**6)
    parser.add_argument("overrides", nargs="*")
    parsed = parser.parse_args()
    found = soaked(parsed.deliveries, *parsed.overrides)
    print(f"{parsed.deliveries} deliveries: {'flat' if found.flat else 'NOT flat'}")
    print(f"of each: memory {found.slope:+.3f} bytes, records {found.record:.1f} bytes, "
          f"{found.first * 1e6:.1f} µs at first, {found.last * 1e6:.1f} µs at last")  # fmt: skip
    return 0 if found.flat else 1


if __name__ == "__main__":
    sys.exit(main())
