"""Test loss."""

from byzsgd.plotting.curves import progress

loss = progress.named("loss", metric="test_loss")
