"""The time that servers add to an arrival of plain asynchronous SGD, in whole runs with their records.

    python benchmarks/beside_asgd.py [--servers kardam] [--works digits,million] [--turns 15]

Both run in one process with engine=loop on the same model and delays. They take turns, whose order changes every time,
and CPU time is counted. Printed: the median and the least of the turns' ratios, and the ratio of the two least times.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path

import torch

if __package__ in (None, ""):
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from byzsgd import experiment
from byzsgd.kernel.lookahead import events
from byzsgd.run.screen import Nobody

# The digits MLP (d = 2410, the defaults), and one of d = 1,008,666.
WORKS = {"digits": ((), 600), "million": (("model=mlp", "model.widths=[968,968]"), 40)}
FIXED = ("engine=loop", "eval_every=1000000000", "checkpoint_every=1000000000", "budget.arrivals=1000000000")


def deliveries(folder: Path, *overrides: str) -> Iterator[None]:
    """byzsgd as `byzsgd train` runs it; each step is one arrival."""
    running = experiment(*FIXED, *overrides).start(folder, Nobody())
    for event in events(running.prepared.kernel, running.world, running.prepared.engine):
        running.after(event)
        yield


def seconds(run: Iterator[None], arrivals: int) -> float:
    began = time.process_time()
    for _ in islice(run, arrivals):
        pass
    return (time.process_time() - began) / arrivals


def compare(server: str, work: str, turns: int, folder: Path) -> tuple[list[float], list[float]]:
    """Seconds per arrival of asgd and of the server, turn by turn."""
    overrides, arrivals = WORKS[work]
    names = ("asgd", server)
    runs = [
        deliveries(folder / f"{work}-{server}-{index}", f"aggregator={name}", *overrides)
        for index, name in enumerate(names)
    ]
    spent: tuple[list[float], list[float]] = ([], [])
    for run in runs:
        seconds(run, arrivals)
    for turn in range(turns):
        for index in (0, 1) if turn % 2 else (1, 0):
            spent[index].append(seconds(runs[index], arrivals))
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", default="kardam")
    parser.add_argument("--works", default="digits,million")
    parser.add_argument("--turns", type=int, default=15)
    parsed = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'server':<18}{'work':<10}{'asgd µs':>9}{'added: median':>15}{'least':>8}{'of least times':>16}")
    for server, work in product(parsed.servers.split(","), parsed.works.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            plain, other = compare(server, work, parsed.turns, Path(folder))
        ratios = [b / a for a, b in zip(plain, other, strict=True)]
        added = [100 * (ratio - 1) for ratio in (statistics.median(ratios), min(ratios), min(other) / min(plain))]
        cells = f"{added[0]:>14.1f}%{added[1]:>7.1f}%{added[2]:>15.1f}%"
        print(f"{server:<18}{work:<10}{1e6 * min(plain):>9.0f}{cells}", flush=True)


if __name__ == "__main__":
    main()
