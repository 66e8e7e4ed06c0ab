"""What accuracy costs on instances that come and go: on demand, preemptible, a growing fleet, one bid, two bids."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import cost

EXPERIMENT = "volatile"


def figure(comparison: Comparison) -> Figure:
    return cost(comparison)
