"""Arrivals per second of byzsgd, with its records, against a hand-written asynchronous PyTorch loop.

    python benchmarks/engine.py [--works digits,logistic] [--workers 10,50] [--delays exponential,normal,constant]
                                [--engines loop,fused,compiled] [--servers asgd,kardam] [--pairs 15]
                                [--threads 1] [SETTING]

Both run in one process on the same model, delays and batches; they take turns in random order, each turn is some
arrivals, CPU time is counted, and the ratio of the sums over all turns is printed. Above 1: byzsgd is faster. With asgd
and no SETTING both must hold the same model after the first turn. The hand-written loop has no records and no filters.
`--servers none` times the bare cost of a gradient in place of byzsgd: its matrix products alone (chains of linear
layers), or autograd forward and backward on fixed inputs.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice, product
from pathlib import Path

import torch
from hand_written import asynchronous
from turns import in_turns
from works import build, matching

from byzsgd.interfaces import BatchKey
from byzsgd.kernel.engine.fused import fusible
from byzsgd.run import Experiment
from byzsgd.run.process import rare_collections
from byzsgd.run.running import Running
from byzsgd.run.screen import Nobody

SECONDS = 0.08  # CPU time of one turn of the hand-written loop
FURTHER = 5  # so many times as many arrivals in a turn of compiled code, which would be too short to time otherwise


def recorded(running: Running, arrivals: int) -> torch.Tensor:
    """byzsgd as `byzsgd train` runs it, for so many arrivals, with records, evaluations and checkpoints."""
    for _ in running.looks(running.world.arrivals + arrivals):
        pass
    return running.params


def bare(running: Running) -> Iterator[torch.Tensor]:
    """Only the products of one gradient, always in the same memory."""
    problem = running.prepared.problem
    layers = fusible(problem)
    batch = running.prepared.batches.batch(BatchKey(0, 0))
    if isinstance(layers, str):
        while True:
            loss = torch.nn.functional.cross_entropy(problem.module(batch.inputs), batch.targets)
            torch.autograd.grad(loss, problem.flat.parameters)
            yield running.params
    size = len(batch.targets)
    weights = [torch.randn(layer.outputs, layer.inputs) for layer in layers]
    seen = [torch.randn(layer.inputs, size) for layer in layers]
    deltas = [torch.randn(layer.outputs, size) for layer in layers]
    gradients = [torch.empty_like(weight) for weight in weights]
    while True:
        for weight, below, delta in zip(weights, seen, deltas, strict=True):
            torch.mm(weight, below, out=delta)
        for number, (weight, below, delta) in enumerate(zip(weights, seen, deltas, strict=True)):
            torch.mm(delta, below.t(), out=gradients[number])
            if number:
                torch.mm(weight.t(), delta, out=below)
        yield running.params


def alone(running: Running) -> Callable[[int], torch.Tensor]:
    """`recorded`, without the time between two calls: it must not make a checkpoint due."""
    left = time.perf_counter()

    def call(arrivals: int) -> torch.Tensor:
        nonlocal left
        running.saving.since += time.perf_counter() - left
        params = recorded(running, arrivals)
        left = time.perf_counter()
        return params

    return call


def timed(run: Callable[[int], torch.Tensor], arrivals: int) -> tuple[float, torch.Tensor]:
    with rare_collections():
        began = time.process_time()
        params = run(arrivals)
        return time.process_time() - began, params


def ratio(experiment: Experiment, pairs: int, folder: Path, server: str, twins: bool) -> tuple[float, str]:
    """Hand-written time / byzsgd time over all turns, and the name of the path."""
    running = experiment.start(folder, Nobody())
    n = experiment.num_workers
    loop, products = asynchronous(running.prepared, n, experiment.optimizer.lr), bare(running)
    runs: dict[str, Callable[[int], torch.Tensor]] = {
        "hand": lambda arrivals: [*islice(loop, arrivals)][-1],
        "byzsgd": alone(running),
    }
    if server == "none":
        runs["byzsgd"] = lambda arrivals: [*islice(products, arrivals)][-1]
    turn = max(n // 2, 10)
    warm, theirs = timed(runs["hand"], turn)
    _, ours = timed(runs["byzsgd"], turn)
    if twins:
        # Compared here, since rounding grows with the number of updates.
        moved = torch.linalg.vector_norm(theirs - running.prepared.initial)
        assert torch.linalg.vector_norm(theirs - ours) < 1e-3 * moved, "two different trainings"
    chosen = running.prepared.chosen
    if chosen.begins < math.inf:  # a start is no part of a turn: Numba is imported, and machine code read
        runs["byzsgd"](max(int(chosen.begins) + n + 1 - running.world.arrivals, 0))
    again = int(turn * max(1.0, SECONDS / warm))
    further = {"hand": again, "byzsgd": FURTHER * again if chosen.plan is not None else again}
    taken = in_turns({name: lambda run=run, by=further[name]: timed(run, by)[0] / by for name, run in runs.items()},
                     pairs)  # fmt: skip
    # Sums: a median would hide rare and expensive turns.
    total = {name: sum(each[name] for each in taken) for name in runs}
    return total["hand"] / total["byzsgd"], chosen.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", default="digits,logistic")
    parser.add_argument("--workers", default="10,50")
    parser.add_argument("--delays", default="exponential,normal,constant")
    parser.add_argument("--engines", default="loop,fused,compiled")
    parser.add_argument("--servers", default="asgd,kardam")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("settings", nargs="*", help="of every run: attack=reversed f=3 …")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    delays = options.delays.split(",")
    print(f"{'work':27}{'n':>6}  {'server':8}{'engine':14}" + "".join(f"{delay:>13}" for delay in delays))
    rows = product(matching(options.works), options.workers.split(","), options.servers.split(","),
                   options.engines.split(","))  # fmt: skip
    for work, n, server, engine in rows:
        cells, names = [], set()
        for delay in delays:
            experiment = build(
                work,
                int(n),
                "knowledge=own",
                f"aggregator={'asgd' if server == 'none' else server}",
                f"engine={engine}",
                f"delay={delay}",
                *options.settings,
            )
            with tempfile.TemporaryDirectory() as folder:
                twins = server == "asgd" and not options.settings
                value, name = ratio(experiment, options.pairs, Path(folder), server, twins)
            cells.append(f"{value:13.2f}")
            names.add(name.split(" ")[0])
        label = engine if names == {engine} else f"{engine} ({', '.join(sorted(names))})"
        print(f"{work:27}{n:>6}  {server:8}{label:14}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
