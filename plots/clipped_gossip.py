"""Two cliques and a bridge, nobody lying: accuracy of the nodes' own models under each rule."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import progress

EXPERIMENT = "clipped_gossip"


def figure(comparison: Comparison) -> Figure:
    return progress(comparison, metric="node_accuracy", x="arrivals")
