"""Final accuracy of every kind of server under every kind of attack."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import heatmap

EXPERIMENT = "servers_attacks"


def figure(comparison: Comparison) -> Figure:
    return heatmap(comparison)
