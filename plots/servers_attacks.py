"""Final accuracy of every kind of server under every kind of attack, each with a step of its own."""

from matplotlib.figure import Figure

from byzsgd.analysis import Comparison
from byzsgd.analysis.protocol import read
from byzsgd.config import named_file
from byzsgd.plotting import heatmap

PROTOCOL = "servers_attacks"


def figure(comparison: Comparison) -> Figure:
    last = read(named_file("protocol", PROTOCOL)).last
    return heatmap(comparison, metric="test_accuracy", last=last)
