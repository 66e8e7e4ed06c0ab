"""Which jobs the sweep has that was last started in a folder, as its sweeper writes them down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .files import write_whole

PLAN = "sweep.json"


@dataclass(frozen=True)
class Plan:
    """The jobs of a sweep."""

    jobs: Mapping[str, str]  # identity of the run -> its folder, within that of the sweep
    left_out: int = 0  # impossible combinations


def write_plan(folder: Path, plan: Plan) -> None:
    """Writes it into the folder of the sweep."""
    write_whole(folder / PLAN, json.dumps(asdict(plan), indent=1).encode())


def read_plan(folder: Path) -> Plan | None:
    """None: no sweep was started here, or one whose jobs depend on results."""
    try:
        plan = json.loads((folder / PLAN).read_bytes())
        return Plan({str(name): str(place) for name, place in plan["jobs"].items()}, int(plan["left_out"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
