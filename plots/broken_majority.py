"""Five honest nodes among eleven liars: final accuracy of every rule under every attack."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import heatmap

EXPERIMENT = "broken_majority"
BESIDE = ("broken_majority_clipped",)


def figure(comparison: Comparison) -> Figure:
    return heatmap(comparison)
