"""The words, colours and formats that all tables on the screen share."""

from __future__ import annotations

import math
from pathlib import Path
from shlex import quote

MISTAKE = 2  # exit code of a mistake that the user can correct
FAILURE = 1  # exit code of a run that failed while it ran
HONEST, BYZANTINE = "honest", "Byzantine"  # headings: the accepted share of honest vectors, and of the liars'
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
    """A share in whole percent; a dash for NaN."""
    return NOTHING if math.isnan(share) else f"{share:.0%}"


def metric_name(metric: str) -> str:
    """The readable name of a column of the metrics."""
    return metric.replace("_", " ")


def as_argument(path: Path) -> str:
    """A path as an argument of a command: quoted for a shell, and never read as an option."""
    return quote(f"./{path}" if str(path).startswith("-") else str(path))
