"""The words, colours and numbers that every table on the screen shares."""

from __future__ import annotations

import math
from pathlib import Path
from shlex import quote

MISTAKE = 2  # exit code of anything that the user can put right
FAILURE = 1  # exit code of a run that failed while it ran
HONEST, BYZANTINE = "honest", "Byzantine"  # headings: of the vectors of either kind, how many were accepted
NOTHING = "–"
COLOURS = {  # by the state of a run, or by how it ended
    "running": "cyan",
    "failed": "red",
    "broken": "yellow",
    "done": "green",
    "finished": "green",
    "diverged": "red",
    "stalled": "yellow",
}


def percent(share: float) -> str:
    """A share as whole percents; NaN is nothing."""
    return NOTHING if math.isnan(share) else f"{share:.0%}"


def metric_name(metric: str) -> str:
    """A column of the metrics as people read it."""
    return metric.replace("_", " ")


def as_argument(path: Path) -> str:
    """A path as one types it: quoted where a shell needs it, and never taken for an option."""
    return quote(f"./{path}" if str(path).startswith("-") else str(path))
