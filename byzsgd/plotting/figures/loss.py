"""Test loss."""

from byzsgd.plotting.curves import progress

loss = progress.alias("loss", metric="test_loss")
