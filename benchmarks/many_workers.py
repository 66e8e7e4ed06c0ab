"""Cost of a delivery with n = 10,000 workers against n = 10: whole runs with their records, CPU time, turn by turn.

python benchmarks/many_workers.py [--pairs 9]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

import torch
from works import Synthetic, build

from byzsgd.interfaces import Event
from byzsgd.kernel.lookahead import events
from byzsgd.models import mlp
from byzsgd.run.process import rare_collections
from byzsgd.run.screen import Nobody

TURN = 2000  # deliveries


def deliveries(n: int, server: str) -> Iterator[Event]:
    """A run of the digits MLP on as many random examples as 10,000 workers need."""
    data = Synthetic(partial(mlp, widths=(32,)), (64,), 10)
    built = build("digits MLP 64-32-10", 10, f"aggregator={server}", "knowledge=own", f"num_workers={n}")
    running = replace(built, dataset=data, model=data.model).start(None, Nobody())
    for event in events(running.prepared.kernel, running.world, running.prepared.engine):
        running.after(event)
        yield event


def seconds(run: Iterator[Event]) -> float:
    began = time.process_time()
    for _ in islice(run, TURN):
        pass
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for server in ("asgd", "kardam"):
        few, some, many = (deliveries(n, server) for n in (10, 50, 10_000))
        for run in (few, some, many):
            for _ in islice(run, 20_000 if run is many else TURN):
                pass
        with rare_collections():
            times = [(seconds(few), seconds(some), seconds(many)) for _ in range(options.pairs)]
        ten = statistics.median(row[2] / row[0] for row in times)
        fifty = statistics.median(row[2] / row[1] for row in times)
        print(f"{server:8} n=10,000 against n=10: {ten:.2f}, against n=50: {fifty:.2f}", flush=True)


if __name__ == "__main__":
    main()
