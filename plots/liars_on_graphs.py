"""Final accuracy of every rule of nodes under every attack, on three graphs with one liar."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import heatmap

EXPERIMENT = "liars_on_graphs"


def figure(comparison: Comparison) -> Figure:
    return heatmap(comparison)
