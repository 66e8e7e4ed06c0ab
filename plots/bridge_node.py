"""Two cliques and a node between them with a lying neighbour: accuracy by the weight that the liar has there."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import progress

EXPERIMENT = "bridge_node"


def figure(comparison: Comparison) -> Figure:
    return progress(comparison, x="arrivals")
