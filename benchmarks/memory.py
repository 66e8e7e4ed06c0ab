"""Peak memory of a run beyond that of the imports, in (n, d) matrices. Each run has a process of its own.

python benchmarks/memory.py [--works "MLP 784"] [--workers 1000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

CASES = {
    "asgd": ("aggregator=asgd", "knowledge=own"),
    "kardam": ("aggregator=kardam", "knowledge=own", "f=0"),
    "trimmed_mean, rounds": ("aggregator=trimmed_mean", "delay=constant", "knowledge=own"),
}


def peak() -> int:
    """The peak memory of this process in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def child(work: str, n: int, rounds: int, overrides: list[str]) -> None:
    """Runs `rounds` deliveries per worker and prints the peak in matrices."""
    import torch
    from works import build

    from byzsgd.kernel.lookahead import events
    from byzsgd.run.screen import Nobody

    torch.set_num_threads(1)
    build(work, 2).prepare().problem.evaluate(build(work, 2).prepare().initial)  # every import and library in place
    experiment = build(work, n, *overrides)
    before = peak()
    running = experiment.start(None, Nobody())
    deliveries = events(running.prepared.kernel, running.world, running.prepared.engine)
    for _ in range(rounds * n):
        running.after(next(deliveries))
    matrix = 4 * n * running.prepared.problem.num_parameters
    print(f"{(peak() - before) / matrix:.2f} matrices of {matrix / 2**20:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", default="MLP 784")
    parser.add_argument("--workers", default="1000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs="*")
    options = parser.parse_args()
    if options.child is not None:
        child(options.works, int(options.workers), options.rounds, options.child)
        return
    from works import matching

    for work in matching(options.works):
        for n in options.workers.split(","):
            for name, overrides in CASES.items():
                command = [sys.executable, __file__, "--works", work, "--workers", n, "--rounds", str(options.rounds),
                           "--child", *overrides]  # fmt: skip
                done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
                result = done.stdout.strip() or done.stderr.strip().splitlines()[-1]
                print(f"{work:27} n={n:<6} {name:22} {result}", flush=True)


if __name__ == "__main__":
    main()
