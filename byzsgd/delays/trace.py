from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Draws
from byzsgd.sources import Sources, noting

from .job_times import JobTimes
from .tables import Table, read_table, split_by_worker


@dataclass(frozen=True, kw_only=True)
class Trace(JobTimes):
    """Seconds replayed from a CSV or Parquet file with the columns worker, serial, seconds.

    Every worker of the run needs its jobs 0, 1, 2, … without a gap. After its last job it starts over (`repeat=true`)
    or never arrives again. `quantile` and `cdf` are those of all rows together.
    """

    path: str
    repeat: bool

    def check(self, num_workers: int) -> None:
        super().check(num_workers)
        workers = len(self.jobs)
        needs = f"the workers 0 … {num_workers - 1} in {self.path}"
        require(workers == num_workers, "trace delay", needs, last_worker=workers - 1)

    @cached_property
    def _read(self) -> tuple[Table, Sources]:
        with noting() as sources:
            return read_table("trace delay", self.path, ("worker", "serial", "seconds")), sources

    @property
    def sources(self) -> Sources:
        """The file that is replayed."""
        return self._read[1]

    @cached_property
    def jobs(self) -> tuple[np.ndarray, ...]:
        """Seconds of the jobs of each worker, in the order of their serials."""
        table, _ = self._read
        order = np.lexsort((table["serial"], table["worker"]))
        table = {name: column[order] for name, column in table.items()}
        jobs = split_by_worker("trace delay", self.path, table)
        for worker, rows in enumerate(jobs):
            expected = np.arange(len(rows["serial"]))
            wrong = np.flatnonzero(rows["serial"] != expected)
            if len(wrong):
                needs = f"jobs without a gap in {self.path}"
                require(False, "trace delay", needs, worker=worker, missing_serial=int(expected[wrong[0]]))
            bad = np.flatnonzero(~((rows["seconds"] > 0) & np.isfinite(rows["seconds"])))
            if len(bad):
                got = {"worker": worker, "serial": int(bad[0]), "seconds": float(rows["seconds"][bad[0]])}
                require(False, "trace delay", f"0 < seconds < inf in {self.path}", **got)
        return tuple(rows["seconds"] for rows in jobs)

    def seconds(self, draws: Draws, workers: range, serials: range) -> np.ndarray:
        numbers = np.asarray(serials)
        return np.stack([self._row(self.jobs[worker], numbers) for worker in workers])

    def _row(self, jobs: np.ndarray, serials: np.ndarray) -> np.ndarray:
        replayed = jobs[serials % len(jobs)]
        return replayed if self.repeat else np.where(serials < len(jobs), replayed, np.inf)

    @cached_property
    def _sorted(self) -> np.ndarray:
        return np.sort(np.concatenate(self.jobs))

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return self._sorted[(np.asarray(uniform) * len(self._sorted)).astype(np.int64)]

    def cdf(self, seconds: np.ndarray) -> np.ndarray:
        return np.asarray(np.searchsorted(self._sorted, seconds, side="right") / len(self._sorted))

    @property
    def expectation(self) -> float:
        return float(self._sorted.mean())

    @property
    def variance(self) -> float:
        return float(self._sorted.var())
