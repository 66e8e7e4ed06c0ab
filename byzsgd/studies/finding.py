"""The findings of a study: claimed numbers beside measured ones."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from byzsgd.analysis.estimates import NOTHING, Estimate, estimate
from byzsgd.analysis.groups import ABSENT, Comparison, Group, facts
from byzsgd.analysis.protocol import Picked
from byzsgd.analysis.recorded import Recorded


@dataclass(frozen=True)
class Results:
    """The runs of a study, for its findings and figures."""

    comparison: Comparison
    picked: Mapping[str, Picked] | None = None  # the steps that a protocol chose; None: no protocol
    last: int = 1  # evaluations whose mean is the outcome of a run

    def values(self, key: str) -> list[object]:
        """The values of a setting over all groups, in the order of the figures."""
        if key in self.comparison.keys:
            return self.comparison.values(key)
        return list(dict.fromkeys(setting(group, key) for group in self.comparison.groups))

    def groups(self, wanted: Mapping[str, object]) -> list[Group]:
        """The groups whose settings have these values."""
        return [
            group
            for group in self.comparison.groups
            if all(setting(group, key) == value for key, value in wanted.items())
        ]


def setting(group: Group, key: str) -> object:
    """A setting of the runs of a group, whether it differs between groups or not; None: they do not have it."""
    value = group.values[key] if key in group.values else facts(group.runs[0]).get(key)
    return None if value == ABSENT else value


@dataclass(frozen=True)
class Finding:
    """One row of the table of a study: a claimed number and the measured one."""

    what: str
    claimed: str  # with its relation: < 1.2; empty: no number was claimed
    measured: str
    holds: bool | None  # None: there is no claim that could hold or fail
    runs: int  # number of runs behind the measured number

    @property
    def verdict(self) -> str:
        return {True: "holds", False: "fails", None: NOTHING}[self.holds]


def at_most(what: str, bound: float, measured: Estimate, digits: int = 2) -> Finding:
    """The claim that the median is at most `bound`. Lost runs count as worse; of a censored estimate only what its own
    bound implies."""
    decidable = measured.count > 0 and not math.isnan(measured.middle) and measured.bound != "<"
    holds = measured.middle <= bound and measured.bound != ">" if decidable else None
    if measured.bound == ">" and measured.middle <= bound:
        holds = None  # a lower bound below `bound` decides nothing
    return Finding(what, f"≤ {bound:.{digits}f}", measured.text(digits), holds, measured.count)


def at_least(what: str, bound: float, measured: Estimate, digits: int = 2) -> Finding:
    """The claim that the median is at least `bound`."""
    holds = None if measured.count == 0 or math.isnan(measured.middle) else measured.middle >= bound
    return Finding(what, f"≥ {bound:.{digits}f}", measured.text(digits), holds, measured.count)


def near(what: str, value: float, within: float, measured: Estimate, digits: int = 2) -> Finding:
    """The claim of a number. It holds if the median differs from it by at most `within`."""
    holds = None if measured.count == 0 or math.isnan(measured.middle) else abs(measured.middle - value) <= within
    return Finding(what, f"{value:.{digits}f} ± {within:.{digits}f}", measured.text(digits), holds, measured.count)


def unclaimed(what: str, measured: Estimate, digits: int = 3, claimed: str = "") -> Finding:
    """A measured number without a claim that could hold or fail."""
    return Finding(what, claimed, measured.text(digits), None, measured.count)


def of_runs(groups: Iterable[Group], number: Callable[[Recorded], float]) -> Estimate:
    """The estimate of `number(run)` over all runs of some groups."""
    return estimate(number(run) for group in groups for run in group.runs)


@dataclass(frozen=True)
class Record:
    """The content of docs/studies/NAME.json."""

    study: str
    title: str
    claim: str
    source: str
    command: str
    scale: str
    commits: Sequence[str]
    seeds: Sequence[int]
    runs: int
    gradients: int
    findings: Sequence[Finding]

    def text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def record_of(
    study: tuple[str, str, str, str], command: str, scale: str, runs: Sequence[Recorded], findings: Sequence[Finding]
) -> Record:
    """The record of a study. `study`: (name, title, claim, source); `runs`: all of its runs."""
    return Record(
        *study,
        command=command,
        scale=scale,
        commits=sorted({str(run.info.get("commit")) for run in runs}),
        seeds=sorted({int(run.config["seed"]) for run in runs}),
        runs=len(runs),
        gradients=sum(len(run.arrivals) for run in runs),
        findings=findings,
    )


def read_record(file: Path) -> Record:
    """The record in a JSON file."""
    node = json.loads(file.read_text(encoding="utf-8"))
    return Record(**{**node, "findings": [Finding(**each) for each in node["findings"]]})
