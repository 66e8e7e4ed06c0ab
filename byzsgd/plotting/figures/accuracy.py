"""Test accuracy."""

from byzsgd.plotting.curves import progress

accuracy = progress.alias("accuracy", metric="test_accuracy")
