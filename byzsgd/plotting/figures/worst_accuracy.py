"""Test accuracy of the worst honest node."""

from byzsgd.plotting.curves import progress

worst_accuracy = progress.named("worst_accuracy", metric="worst_accuracy")
