"""README's first figure: what asynchronous SGD does when three of fifteen workers lie, with and without Kardam."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import overview

EXPERIMENT = "quickstart"


def figure(comparison: Comparison) -> Figure:
    title = "Fifteen workers, three of them lie: which server still learns?"
    return overview(comparison, x="time", title=title)
