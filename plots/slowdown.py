"""Honest work that Kardam throws away where nobody lies, against the f that it is built for, beside the line f/n."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import slowdown

EXPERIMENT = "slowdown"


def figure(comparison: Comparison) -> Figure:
    return slowdown(comparison)
