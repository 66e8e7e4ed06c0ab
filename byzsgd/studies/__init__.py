"""Studies of published claims. Each study is a module: runs in, findings and figures out."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Protocol, cast

from matplotlib.figure import Figure

from .finding import Finding as Finding
from .finding import Results as Results
from .finding import record_of as record_of
from .pages import publish as publish
from .plan import SCALES as SCALES
from .plan import Grid as Grid
from .plan import Study as Study
from .plan import pilot_of as pilot_of
from .plan import read_study as read_study


class Look(Protocol):
    """The module of a study, which has its name with `_` for `-`."""

    def findings(self, results: Results) -> Iterable[Finding]: ...
    def figures(self, results: Results) -> dict[str, Figure]: ...


def look_of(name: str) -> Look:
    """The module of a study."""
    return cast(Look, import_module(f"byzsgd.studies.{name.replace('-', '_')}"))
