"""Loss above the least that there is."""

from byzsgd.plotting.curves import progress

suboptimality = progress.alias("suboptimality", metric="suboptimality")
