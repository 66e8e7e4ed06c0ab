"""Accuracy of the honest nodes' own models."""

from byzsgd.plotting.curves import progress

node_accuracy = progress.alias("node_accuracy", metric="node_accuracy")
