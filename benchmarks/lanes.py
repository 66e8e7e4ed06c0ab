"""Eight runs abreast (`hydra/launcher=lanes`) against the same eight one after another, each with its records.

    python benchmarks/lanes.py [--works digits,logistic] [--servers asgd,kardam] [--workers 10] [--lanes 8] [--pairs 7]

CPU time without the loading of data, in one process and in random order; the median over the pairs. Above 1: the lanes
are faster.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

import torch
from works import build, matching

from byzsgd.lanes import Lane, abreast, alone, rare_collections
from byzsgd.session import Nobody, Running

ARRIVALS = {"digits": 5000, "logistic": 3000, "MLP": 1000, "EMNIST": 40, "CIFAR": 40}  # of one run


def started(work: str, number: int, *overrides: str) -> list[Running]:
    """Runs of that many seeds before their first event."""
    arrivals = next(count for word, count in ARRIVALS.items() if work.startswith(word))
    folders = [Path(tempfile.mkdtemp()) for _ in range(number)]
    experiments = [
        build(work, int(overrides[0]), *overrides[1:], f"seed={seed}", f"budget.arrivals={arrivals}")
        for seed in range(number)
    ]
    return [experiment.start(folder, Nobody()) for experiment, folder in zip(experiments, folders, strict=True)]


def apart(runs: list[Running]) -> None:
    for run in runs:
        with rare_collections():
            alone(run.turns(lambda: False), 1)


def together(runs: list[Running]) -> None:
    abreast([Lane(run.turns, 1) for run in runs])


def ratio(work: str, lanes: int, pairs: int, *overrides: str) -> float:
    """The median of the time apart / the time together."""
    ratios = []
    for number in range(pairs):
        ways = [apart, together]
        random.Random(number).shuffle(ways)
        seconds = {}
        for way in ways:
            runs = started(work, lanes, *overrides)
            began = time.process_time()
            way(runs)
            seconds[way] = time.process_time() - began
        ratios.append(seconds[apart] / seconds[together])
    return statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", default="")
    parser.add_argument("--servers", default="asgd,kardam")
    parser.add_argument("--workers", default="10")
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    servers = options.servers.split(",")
    print(f"{options.lanes} lanes, n={options.workers:12}" + "".join(f"{server:>10}" for server in servers))
    for work in matching(options.works):
        cells = [
            ratio(work, options.lanes, options.pairs, options.workers, f"aggregator={server}") for server in servers
        ]
        print(f"{work:27}" + "".join(f"{value:10.2f}" for value in cells), flush=True)


if __name__ == "__main__":
    main()
