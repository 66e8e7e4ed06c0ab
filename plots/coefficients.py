"""What Kardam's Lipschitz filter measures, honest and Byzantine."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.plotting import coefficients

EXPERIMENT = "quickstart"


def figure(comparison: Comparison) -> Figure:
    return coefficients(comparison)
