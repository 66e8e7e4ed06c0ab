"""Arrivals per second of byzsgd, with its records, against a hand-written asynchronous PyTorch loop.

    python benchmarks/engine.py [--works digits,logistic] [--workers 10,50] [--delays exponential,normal,constant]
                                [--engines loop,auto] [--servers asgd,kardam] [--pairs 15] [--threads 1]

Both run in one process on the same model, delays and batches; they take turns in random order, each turn is some
arrivals, CPU time is counted, and the median over the pairs of turns is printed. Above 1: byzsgd is faster. With asgd
both must hold the same model in the end. The hand-written loop has no records and no filters.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path

import torch
from hand_written import asynchronous
from works import build, matching

from byzsgd.kernel.simulation import events
from byzsgd.lanes import rare_collections
from byzsgd.runner import Experiment
from byzsgd.session import Nobody, Running

SECONDS = 0.08  # CPU time of one turn of the hand-written loop


def recorded(running: Running) -> Iterator[torch.Tensor]:
    """byzsgd as `byzsgd train` runs it, one arrival a turn."""
    for event in events(running.session.simulation, running.state, running.session.engine):
        running.after(event)
        yield running.state.params


def timed(run: Iterator[torch.Tensor], arrivals: int) -> tuple[float, torch.Tensor]:
    began = time.process_time()
    *_, params = islice(run, arrivals)
    return time.process_time() - began, params


def ratio(experiment: Experiment, pairs: int, folder: Path, same_model: bool) -> tuple[float, str]:
    """The median of hand-written time / byzsgd time, and the engine's name."""
    running = experiment.start(folder, Nobody())
    n = experiment.num_workers
    runs = {"hand": asynchronous(running.session, n, experiment.optimizer.lr), "byzsgd": recorded(running)}
    turn = max(n // 2, 10)
    warm, _ = timed(runs["hand"], turn)
    timed(runs["byzsgd"], turn)
    again = int(turn * max(1.0, SECONDS / warm))
    ratios = []
    for number in range(pairs):
        order = ["hand", "byzsgd"]
        random.Random(number).shuffle(order)
        seconds, models = {}, {}
        for name in order:
            with rare_collections():
                seconds[name], models[name] = timed(runs[name], again)
        ratios.append(seconds["hand"] / seconds["byzsgd"])
    if same_model:
        torch.testing.assert_close(models["hand"], models["byzsgd"], rtol=1e-2, atol=1e-3)
    return statistics.median(ratios), running.session.engine.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", default="digits,logistic")
    parser.add_argument("--workers", default="10,50")
    parser.add_argument("--delays", default="exponential,normal,constant")
    parser.add_argument("--engines", default="loop,auto")
    parser.add_argument("--servers", default="asgd,kardam")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    delays = options.delays.split(",")
    print(f"{'work':27}{'n':>6}  {'server':8}{'engine':14}" + "".join(f"{delay:>13}" for delay in delays))
    rows = product(matching(options.works), options.workers.split(","), options.servers.split(","),
                   options.engines.split(","))  # fmt: skip
    for work, n, server, engine in rows:
        cells, names = [], set()
        for delay in delays:
            experiment = build(work, int(n), f"aggregator={server}", f"engine={engine}", f"delay={delay}")
            with tempfile.TemporaryDirectory() as folder:
                value, name = ratio(experiment, options.pairs, Path(folder), server == "asgd")
            cells.append(f"{value:13.2f}")
            names.add(name)
        label = engine if names == {engine} else f"{engine} ({', '.join(sorted(names))})"
        print(f"{work:27}{n:>6}  {server:8}{label:14}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
