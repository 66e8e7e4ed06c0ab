"""What is still to come, in the order of time, at a cost that does not grow with the number of workers."""

from __future__ import annotations

import math
from bisect import bisect
from dataclasses import dataclass, field

from byzsgd.interfaces import Job

# (time, worker, serial, its job), in the order of turns. One without job stands for an absence until `time`, and its
# serial is the last one spent.
Entry = tuple[float, int, int, Job | None]
Snapshot = tuple[float, tuple[Entry, ...], tuple[int, ...]]
A_DAY = 32  # entries of a day, aimed at: with fewer there are more days, with more a day is longer to sort
FAR = 2.0**62  # the last day, of all that is further away
PASSED = 256  # entries beyond the number of workers after which the pace is looked at again


@dataclass(slots=True)
class Agenda:
    """The last entry of every worker, and those still to come: today's in order, later ones by day and worker.

    A calendar queue (Brown: Calendar queues, a fast O(1) priority queue implementation for the simulation event set
    problem; Communications of the ACM 1988). A heap of all workers would cost log n, nearly all of it in cache misses.
    An entry counts as long as it is the very object in `last`, so dropping one costs nothing. How long a day is
    matters for speed alone; it follows the pace.
    """

    pace: float  # days per second
    last: dict[int, Entry]  # by worker
    today: tuple[Entry, ...] = ()  # sorted
    place: int = 0  # of the next one in it
    day: int = -1  # the number of today
    later: dict[int, dict[int, Entry]] = field(default_factory=dict)  # by day, then by worker
    since: float = 0.0  # when the pace was last looked at
    seen: int = 0  # entries that happened since then
    dropped: int = 0  # and those dropped

    def snapshot(self) -> Snapshot:
        """All of it: the pace, the last entries, and the workers whose entry is still to come."""
        last = tuple(self.last[worker] for worker in range(len(self.last)))
        return self.pace, last, tuple(sorted(entry[1] for entry in self._coming()))

    @classmethod
    def restore(cls, snapshot: Snapshot) -> Agenda:
        """The agenda that `snapshot` was taken of."""
        pace, last, waiting = snapshot
        agenda = cls(pace, dict(enumerate(last)))
        for worker in waiting:
            agenda.add(last[worker])
        return agenda

    def serial(self, worker: int) -> int:
        """Of the next job of this worker."""
        return self.last[worker][2] + 1

    def add(self, entry: Entry) -> None:
        """Takes the place of what was to come for this worker; one whose time is inf never comes."""
        self.last[entry[1]] = entry
        if entry[0] == math.inf:
            return
        day = int(min(entry[0] * self.pace, FAR))
        if day <= self.day:
            position = bisect(self.today, entry, self.place)
            self.today = (*self.today[self.place : position], entry, *self.today[position:])
            self.place = 0
        elif day in self.later:
            self.later[day][entry[1]] = entry
        else:
            self.later[day] = {entry[1]: entry}

    def first(self) -> Entry | None:
        """The next entry."""
        while True:
            while self.place < len(self.today):
                entry = self.today[self.place]
                if self.last[entry[1]] is entry:
                    return entry
                self.place += 1
            if not self.later:
                return None
            self.day = self._next_day()
            self.today, self.place = tuple(sorted(self.later.pop(self.day).values())), 0

    def done(self) -> None:
        """The entry that `first` returned has happened."""
        self.place += 1
        self.seen += 1
        if self.seen > len(self.last) + PASSED:
            self._keep_pace(self.today[self.place - 1][0])

    def drop(self, worker: int) -> None:
        """Forgets what is to come for this worker; its serial stays spent."""
        self.last[worker] = (math.inf, worker, self.last[worker][2], None)
        self.dropped += 1
        if self.dropped > 2 * len(self.last) + PASSED:
            self._sweep()

    def _keep_pace(self, now: float) -> None:
        """Makes the days longer or shorter where far from A_DAY entries happened in one."""
        if now > self.since:
            pace = self.seen / (now - self.since) / A_DAY
            self.since, self.seen = now, 0
            if 0.0 < pace < math.inf and not 0.5 < pace / self.pace < 2.0:
                self.pace = pace
                self._sweep()

    def _next_day(self) -> int:
        """The first one of `later`: nearly always close by, where the pace is right."""
        for day in range(self.day + 1, self.day + 1 + len(self.later)):
            if day in self.later:
                return day
        return min(self.later)

    def _coming(self) -> list[Entry]:
        later = (entry for entries in self.later.values() for entry in entries.values())
        return [entry for entry in (*self.today[self.place :], *later) if entry is self.last[entry[1]]]

    def _sweep(self) -> None:
        """Enters anew what is still to come: far days would keep dropped entries for ever."""
        coming = self._coming()
        self.today, self.place, self.day, self.later, self.dropped = (), 0, -1, {}, 0
        for entry in coming:
            self.add(entry)
