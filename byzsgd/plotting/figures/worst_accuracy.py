"""Test accuracy of the worst honest node."""

from byzsgd.plotting.curves import progress

worst_accuracy = progress.alias("worst_accuracy", metric="worst_accuracy")
