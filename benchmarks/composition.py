"""What it takes to compose configurations one after another, as a sweep and a script in Python do, beside Hydra alone.

    python benchmarks/composition.py [--jobs 40]

Hydra composes the same overrides with a loader that keeps nothing, as before. Ratios of CPU time, in one process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.types import RunMode

from byzsgd.config.catalogue import members
from byzsgd.config.compose import own_hydra, register_resolvers
from byzsgd.config.loader import Loader
from byzsgd.config.locations import CONF

SETTINGS = ("aggregator=kardam", "num_workers=20", "num_byzantine=4", "optimizer.lr=.05", "hydra.run.dir=run")


def seconds(loader: ConfigLoaderImpl, jobs: Sequence[Sequence[str]]) -> float:
    """CPU seconds for all jobs."""
    start = time.process_time()
    for words in jobs:
        loader.load_configuration("config", list(words), RunMode.RUN)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=40, help="configurations of each kind")
    count = parser.parse_args().jobs
    register_resolvers()
    attacks = [member.name for member in members("attack")]
    kinds = {
        "other values": [(*SETTINGS, f"seed={seed}") for seed in range(count)],
        "other members": [(*SETTINGS, f"attack={name}") for name in attacks[:count]],
    }
    path = create_config_search_path(str(CONF))
    with own_hydra():
        seconds(ConfigLoaderImpl(path), [SETTINGS])  # the imports
        print(f"{'':14} {'jobs':>5} {'Hydra':>9} {'byzsgd':>9} {'ratio':>6}")
        for kind, jobs in kinds.items():
            hydra, own = seconds(ConfigLoaderImpl(path), jobs), seconds(Loader(path), jobs)
            each = 1000 / len(jobs)
            print(f"{kind:14} {len(jobs):5} {hydra * each:6.1f} ms {own * each:6.1f} ms {hydra / own:6.1f}")


if __name__ == "__main__":
    main()
