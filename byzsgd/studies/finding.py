"""What a study has found: what was claimed beside what was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from byzsgd.analysis.estimates import NOTHING, Estimate, estimate
from byzsgd.analysis.groups import ABSENT, Comparison, Group, facts
from byzsgd.analysis.protocol import Picked
from byzsgd.analysis.recorded import Recorded


@dataclass(frozen=True)
class Found:
    """What the runs of a study gave to it."""

    comparison: Comparison
    picked: Mapping[str, Picked] | None = None  # the steps, where a protocol has chosen them
    last: int = 1  # evaluations whose mean is the outcome of a run

    def values(self, key: str) -> list[Any]:
        """What a setting is in some group, in the order of the figures."""
        if key in self.comparison.keys:
            return self.comparison.values(key)
        return list(dict.fromkeys(setting(group, key) for group in self.comparison.groups))

    def groups(self, wanted: Mapping[str, Any]) -> list[Group]:
        """Those whose settings have these values."""
        return [
            group
            for group in self.comparison.groups
            if all(setting(group, key) == value for key, value in wanted.items())
        ]


def setting(group: Group, key: str) -> Any:
    """Of the runs of a group, whether it differs between groups or not; None: they do not have it."""
    value = group.values[key] if key in group.values else facts(group.runs[0]).get(key)
    return None if value == ABSENT else value


@dataclass(frozen=True)
class Finding:
    """One line: a number that was claimed, and ours."""

    what: str
    claimed: str  # with its relation: < 1.2; nothing where nobody has said a number
    measured: str
    holds: bool | None  # None: nothing was claimed that could hold or fail
    runs: int  # that the number rests on

    @property
    def verdict(self) -> str:
        return {True: "holds", False: "fails", None: NOTHING}[self.holds]


def at_most(what: str, bound: float, found: Estimate, digits: int = 2) -> Finding:
    """A claim that the middle is not above a bound; a run that was lost, or did not get there, breaks it."""
    known = found.count > 0 and not math.isnan(found.middle) and found.bound != "<"
    holds = found.middle <= bound and found.bound != ">" if known else None
    if found.bound == ">" and found.middle <= bound:
        holds = None  # a bound below the claim says nothing
    return Finding(what, f"≤ {bound:.{digits}f}", found.text(digits), holds, found.count)


def at_least(what: str, bound: float, found: Estimate, digits: int = 2) -> Finding:
    """A claim that the middle is not below a bound."""
    holds = None if found.count == 0 or math.isnan(found.middle) else found.middle >= bound
    return Finding(what, f"≥ {bound:.{digits}f}", found.text(digits), holds, found.count)


def near(what: str, value: float, within: float, found: Estimate, digits: int = 2) -> Finding:
    """A claim of a number, taken to hold where ours is as near as told."""
    holds = None if found.count == 0 or math.isnan(found.middle) else abs(found.middle - value) <= within
    return Finding(what, f"{value:.{digits}f} ± {within:.{digits}f}", found.text(digits), holds, found.count)


def told(what: str, found: Estimate, digits: int = 3, claimed: str = "") -> Finding:
    """A number beside which nothing stands that it could be judged by."""
    return Finding(what, claimed, found.text(digits), None, found.count)


def of_runs(groups: Iterable[Group], number: Any) -> Estimate:
    """The median over all runs of some groups of a number of each."""
    return estimate(number(run) for group in groups for run in group.runs)


@dataclass(frozen=True)
class Record:
    """What stands in docs/studies/NAME.json."""

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
    """From (name, title, claim, source) and all runs that were made."""
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
    node = json.loads(file.read_text(encoding="utf-8"))
    return Record(**{**node, "findings": [Finding(**each) for each in node["findings"]]})
