"""How far runs and sweeps are. Reads a few small files of each folder and changes nothing."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import fmean

from .done import is_finished, require_whole
from .identity import run_id
from .judged import judged
from .lock import LOCK, is_locked
from .names import CHECKPOINTS, CONFIG, DONE, ERROR, INFO, METRICS_FILE
from .plain import Info
from .plan import PLAN, Plan, read_plan
from .reading import MOST_TEXT, contents
from .run import folders_below, is_run, last_row, lost_end, read_config, read_info, spent_share, was_run

ORDER = ("running", "failed", "broken", "waiting", "done")


@dataclass(frozen=True)
class RunProgress:
    """How far one run is."""

    folder: Path
    state: str  # done, running, failed (an error in it), broken (cut off; the same command goes on) or waiting
    news: str = ""  # how it ended, or what went wrong
    share: float = 0.0  # the part of its budget that is spent
    seconds: float | None = None  # the wall time that this share took, over all processes
    judged: str = ""  # the last accuracy, or loss


@dataclass
class Sweep:
    """The runs of a folder. A run that has ended is read once."""

    folder: Path
    runs: list[RunProgress] = field(default_factory=list)
    plan: Plan | None = None  # of the sweep that was last started in the folder
    identities: dict[Path, str] = field(default_factory=dict)
    read: float = 0.0  # the modification time of `plan`

    def look(self) -> Sweep:
        """Reads what has changed since the last look."""
        written = _modified(self.folder / PLAN)
        if written > self.read:
            self.read, self.plan, self.identities = written, read_plan(self.folder), {}
        folders = _job_folders(self.folder, set(self.plan.jobs.values()) if self.plan else set())
        self.identities = {folder: self.identities.get(folder) or self._identity(folder) for folder in folders}
        ended = {each.folder: each for each in self.runs if each.state == "done"}
        self.runs = [ended.get(folder) or run_progress(folder) for folder in folders]
        return self

    def _identity(self, job_folder: Path) -> str:
        """The identity of the job to which a folder belongs, by its configuration, else by its name; empty: none."""
        if self.plan is None:
            return ""
        named = {folder: identity for identity, folder in self.plan.jobs.items()}
        expected = named.get(str(job_folder.relative_to(self.folder)), "")
        if expected and re.search(r"__[0-9a-f]{10}$", job_folder.name) or not (job_folder / CONFIG).exists():
            return expected
        try:
            return run_id(read_config(job_folder))
        except ValueError:  # damaged: its `news` says so
            return expected

    @property
    def unseen(self) -> int:
        """Jobs that have no folder yet."""
        return len(set(self.plan.jobs if self.plan else ()) - set(self.identities.values()))

    def of_plan(self) -> list[RunProgress]:
        """The runs of the sweep that was last started here, in the order in which it was typed. Runs of other sweeps in
        the same folder are left out."""
        if self.plan is None:
            return list(self.runs)
        typed = {identity: number for number, identity in enumerate(self.plan.jobs)}
        ours = [each for each in self.runs if self.identities[each.folder] in typed]
        return sorted(ours, key=lambda each: typed[self.identities[each.folder]])

    def unfinished(self) -> list[RunProgress]:
        """The runs of the plan that are not done."""
        return [each for each in self.of_plan() if each.state != "done"]

    def count(self, state: str) -> int:
        """How many runs are in this state."""
        return sum(each.state == state for each in self.runs) + (self.unseen if state == "waiting" else 0)

    @property
    def is_run(self) -> bool:
        """Whether the folder is a run itself."""
        return [each.folder for each in self.runs] == [self.folder]

    @property
    def total(self) -> int:
        return len(self.runs) + self.unseen

    def remaining(self) -> float | None:
        """An estimate of the seconds until all runs are done: the work left, at the mean pace so far, divided by the
        number of running jobs. None: no job runs, or no pace is measured yet."""
        workers = self.count("running")
        paces = [each.seconds for each in self.runs if each.state == "done" and each.seconds]
        paces = paces or [each.seconds / each.share for each in self.runs if each.seconds and each.share]
        if not workers or not paces:
            return None
        left = sum(1.0 - each.share for each in self.runs if each.state in ("running", "broken", "waiting"))
        return (left + self.unseen) * fmean(paces) / workers

    @property
    def headline(self) -> str:
        """The sweep in one line."""
        others = [f"{self.count(state)} {state}" for state in ORDER[:-1] if self.count(state)]
        left = self.remaining()
        ends = Counter(each.news for each in self.runs if each.state == "done" and each.news != "finished")
        done = f"{self.count('done')} of {self.total} done"
        if ends:
            done += " (" + ", ".join(f"{count} {how}" for how, count in sorted(ends.items())) + ")"
        if self.plan is not None and self.plan.left_out:
            others.append(f"{self.plan.left_out} impossible left out")
        if self.plan is None and self.read:
            others.append(f"{PLAN} is damaged")
        return ", ".join([done, *others]) + ("" if left is None else f"; about {duration(left)} left")


def run_progress(folder: Path) -> RunProgress:
    """How far one run is. Damage in its folder is reported as its `news`."""
    try:
        return _run_progress(folder)
    except (ValueError, OSError) as error:
        why = str(error)
    except (TypeError, AttributeError, ArithmeticError):  # a list for a mapping, a text for a number
        why = f"{folder} does not hold what a run folder holds"
    return RunProgress(folder, "running" if is_locked(folder) else "failed", why)


def _run_progress(folder: Path) -> RunProgress:
    busy, error = is_locked(folder), folder / ERROR
    if not busy and os.path.lexists(error):  # also beside a result, which is damaged then
        text = contents(folder, ERROR, MOST_TEXT).decode(errors="replace")
        return RunProgress(folder, "failed", (text.splitlines() or ["?"])[0])
    if is_finished(folder):
        info = read_info(folder)
        require_whole(folder, (CONFIG, INFO, METRICS_FILE))
        return RunProgress(
            folder, "done", str(info.get("status")), 1.0, info.get("wall_time"), _judged(last_row(folder))
        )
    if not is_run(folder):
        if was_run([path.name for path in folder.iterdir()]):
            raise ValueError(f"{folder} is damaged: {INFO} or {CONFIG} is missing")
        begun = (folder / LOCK).exists()
        return RunProgress(folder, "running" if busy else "broken" if begun else "waiting")
    info, last = read_info(folder), last_row(folder)
    share = spent_share(read_config(folder), last)
    state = "running" if busy else "failed" if info.get("status") == "failed" else "broken"
    lost = lost_end(folder)
    why = f"{lost}, but without {DONE}" if lost else info.get("reason") or ""
    return RunProgress(folder, state, "" if busy else why, share, _seconds(folder, info, last, share), _judged(last))


def duration(seconds: float) -> str:
    """A readable duration: 40 s, 12 min, 3 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _job_folders(folder: Path, planned: Container[str]) -> list[Path]:
    """The folders of jobs, sorted: where a run was begun, or where the plan puts one."""
    folders = []
    for below, names in folders_below(folder):
        if LOCK in names or ERROR in names or was_run(names) or str(below.relative_to(folder)) in planned:
            folders.append(below)
    return sorted(folders)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _seconds(folder: Path, info: Info, last: Mapping[str, object], share: float) -> float | None:
    """The wall time of this share: at the pace up to the last checkpoint, else the time since the start."""
    arrivals = last.get("arrivals")
    saved = max((int(path.name[:12]) for path in (folder / CHECKPOINTS).glob("[0-9]*-*.safetensors")), default=0)
    if saved and arrivals and info.get("wall_time"):
        return float(info["wall_time"] * arrivals / saved)
    if not share or not is_locked(folder):
        return None
    try:
        return time.time() - datetime.fromisoformat(str(info["started"])).timestamp()
    except (KeyError, ValueError):
        return None


def _judged(last: Mapping[str, object]) -> str:
    metric = judged(last)
    return "" if metric is None else f"{metric[0].replace('_', ' ')} {metric[1]:.3g}"
