"""How many liars, and how different the workers' data: accuracy under the worst attack."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import worst_case

EXPERIMENT = "heterogeneity"


def figure(comparison: Comparison) -> Figure:
    return worst_case(comparison)
