"""Figures: pure functions of the rows that runs left behind. The only package that imports matplotlib, and not before
something is drawn.

Every file of `figures/` is a figure: the function of its name, from a Comparison to a Figure. All of them are found
here by name, beside what makes them files.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from byzsgd.plotting.kinds import KINDS as KINDS
from byzsgd.plotting.kinds import figure_of as figure_of

if TYPE_CHECKING:
    from byzsgd.plotting.curves import progress as progress
    from byzsgd.plotting.declaration import DeclaredFigure
    from byzsgd.plotting.declaration import Need as Need
    from byzsgd.plotting.declaration import a_run as a_run
    from byzsgd.plotting.declaration import figure as figure
    from byzsgd.plotting.figures.network import graph as graph
    from byzsgd.plotting.figures.partition import examples_by_class as examples_by_class
    from byzsgd.plotting.files import FORMATS as FORMATS
    from byzsgd.plotting.files import draw as draw
    from byzsgd.plotting.files import drawable as drawable
    from byzsgd.plotting.files import plot as plot
    from byzsgd.plotting.files import save as save
    from byzsgd.plotting.marks import Panel as Panel
    from byzsgd.plotting.marks import points as points
    from byzsgd.plotting.opening import overview as overview

    def __getattr__(name: str) -> DeclaredFigure[...]: ...  # what else there is: the figures
else:
    _HOMES = {
        **dict.fromkeys(("Need", "a_run", "figure"), "declaration"),
        **dict.fromkeys(("FORMATS", "draw", "drawable", "plot", "save"), "files"),
        **dict.fromkeys(("Panel", "points"), "marks"),
        "examples_by_class": "figures.partition",
        "graph": "figures.network",
        "overview": "opening",
        "progress": "curves",
    }

    def __getattr__(name: str) -> object:
        if name in KINDS:
            return figure_of(name)
        if name not in _HOMES:
            raise AttributeError(f"module 'byzsgd.plotting' has no attribute {name!r}")
        return getattr(import_module(f"byzsgd.plotting.{_HOMES[name]}"), name)
