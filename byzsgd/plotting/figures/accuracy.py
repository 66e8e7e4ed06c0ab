"""Test accuracy."""

from byzsgd.plotting.curves import progress

accuracy = progress.named("accuracy", metric="test_accuracy")
