"""Eight runs abreast (`hydra/launcher=lanes`) against the same eight one after another, each with its records.

    python benchmarks/lanes.py [--works digits,logistic] [--servers asgd,kardam] [--workers 10] [--lanes 8] [--pairs 7]

CPU time without the loading of data, in one process and in random order; medians over the turns. First number: the time
of the same runs one after another over that of the lanes. Second: that of as many hand-written loops
(benchmarks/hand_written.py, without records and filters) over that of the lanes. Above 1: the lanes are faster.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from hand_written import asynchronous
from turns import in_turns
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


def by_hand(runs: list[Running]) -> None:
    for run in runs:
        loop = asynchronous(run.session, run.session.simulation.num_workers, 0.01)
        with rare_collections():
            for _ in islice(loop, run.budget.arrivals):
                pass


def ratios(work: str, lanes: int, pairs: int, *overrides: str) -> tuple[float, float]:
    """Medians of the time apart, and of the time by hand, over the time together."""

    def seconds(way: Callable[[list[Running]], None]) -> float:
        runs = started(work, lanes, *overrides)
        began = time.process_time()
        way(runs)
        return time.process_time() - began

    taken = in_turns({way.__name__: partial(seconds, way) for way in (apart, together, by_hand)}, pairs)
    alone, hand = (statistics.median(each[way] / each["together"] for each in taken) for way in ("apart", "by_hand"))
    return alone, hand


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
    print(f"{options.lanes} lanes, n={options.workers:12}" + "".join(f"{server:>16}" for server in servers))
    for work in matching(options.works):
        cells = [
            ratios(work, options.lanes, options.pairs, options.workers, f"aggregator={server}") for server in servers
        ]
        print(f"{work:27}" + "".join(f"{mine:10.2f}{hand:6.2f}" for mine, hand in cells), flush=True)


if __name__ == "__main__":
    main()
