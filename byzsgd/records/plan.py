"""The plan of a sweep: the list of its jobs, which the sweeper writes into the folder of the sweep."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .files import write_whole
from .identity import one_spelling
from .reading import json_object, yaml_value

PLAN = "sweep.json"


@dataclass(frozen=True)
class Plan:
    """The jobs of a sweep."""

    jobs: Mapping[str, str]  # identity of the run -> its folder, within that of the sweep
    left_out: int = 0  # impossible combinations, which have no job
    told: Mapping[str, str] = field(default_factory=dict)  # `in_one_line` of the overrides -> identity of the run


def typed_words(folder: Path) -> list[str] | None:
    """The overrides with which a run was started, from its folder or that of its sweep; None: neither has them."""
    try:
        words = yaml_value(folder, ".hydra/overrides.yaml")
    except ValueError:
        words = None
    if isinstance(words, list):
        return [str(word) for word in words]
    plan = read_plan(folder.parent)
    lines = {} if plan is None else {plan.jobs.get(identity): line for line, identity in plan.told.items()}
    words = lines.get(folder.name, "").split()
    return words if words and all("=" in word for word in words) else None


def in_one_line(overrides: Iterable[str]) -> str:
    """The overrides of one job, the same whatever their order and the spelling of numbers."""
    return " ".join(sorted(map(one_spelling, overrides)))


def write_plan(folder: Path, plan: Plan) -> None:
    """Writes the plan into the folder of its sweep."""
    write_whole(folder / PLAN, json.dumps(asdict(plan), indent=1).encode(), shared=True)


def read_plan(folder: Path) -> Plan | None:
    """The plan of the sweep that was last started in a folder. None: there was none, its jobs depend on results, or
    the plan is damaged."""
    try:
        plan = json_object(folder, PLAN)
        jobs, told = ({str(key): str(value) for key, value in plan[part].items()} for part in ("jobs", "told"))
        return Plan(jobs, int(plan["left_out"]), told)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
