"""Loss above the least that there is."""

from byzsgd.plotting.curves import progress

suboptimality = progress.named("suboptimality", metric="suboptimality")
