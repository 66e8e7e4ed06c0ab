"""Why Kardam refuses vectors, over the run."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import refusals

EXPERIMENT = "quickstart"


def figure(comparison: Comparison) -> Figure:
    return refusals(comparison)
