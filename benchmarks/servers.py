"""What a server costs: time per arrival and memory, from n = 10 to n = 10,000 workers.

    python benchmarks/servers.py [--servers asgd,kardam,…] [--workers 10,100,1000,10000] [--parameters 2410]

Only the server is timed (CPU time, median of several stretches); medians of the
times are printed, with the tensors that the server's state holds in units of one vector.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import fields, is_dataclass
from pathlib import Path

import torch

if __package__ in (None, ""):
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from byzsgd import experiment
from byzsgd.interfaces import Arrival, ServerContext

SERVERS = (
    "asgd,dynsgd,kardam,kardam_author,basgd,zeno_pp,afl_guard,fedbuff,dc_asgd,mifa,ringmaster_stop,throttle,quorum"
)


class Turns:
    """One server with its own model, fed with the arrivals of always-busy workers."""

    def __init__(self, name: str, workers: int, parameters: int) -> None:
        self.server = experiment(f"aggregator={name}", f"num_workers={workers}", "num_byzantine=0", "f=3").aggregator
        self.params = torch.randn(parameters)
        self.context = ServerContext(workers, self.params, lambda params: params.clone())
        self.state = self.server.init(self.context)
        self.workers, self.step = workers, 0
        self.reads = {worker: (0, self.params.clone()) for worker in range(workers)}
        self.noise = torch.randn(64, parameters)
        self.count = 0

    def turn(self, arrivals: int) -> float:
        """CPU seconds of the server alone."""
        spent = 0.0
        for _ in range(arrivals):
            worker = self.count % self.workers
            read_at, model = self.reads[worker]
            vector = model + 0.1 * self.noise[self.count % 64]
            arrival = Arrival(float(self.count), worker, read_at, self.step, vector, model)
            began = time.process_time()
            decision = self.server.receive(self.state, arrival)
            spent += time.process_time() - began
            if decision.direction is not None:
                self.params.sub_(decision.direction, alpha=1e-3)
                self.step += 1
            self.reads[worker] = (self.step, self.params.clone())
            self.count += 1
        return spent / arrivals

    def vectors(self) -> float:
        """Distinct tensors that the state holds, in vectors of d numbers; models that workers still read count too."""
        return sum(_sizes(self.state, {}).values()) / self.params.numel()


def _sizes(node: object, found: dict[int, int]) -> dict[int, int]:
    if isinstance(node, torch.Tensor):
        found[node.data_ptr()] = node.numel()
    elif is_dataclass(node) and not isinstance(node, ServerContext | type):
        for item in fields(node):
            _sizes(getattr(node, item.name), found)
    elif isinstance(node, dict):
        for value in node.values():
            _sizes(value, found)
    elif isinstance(node, tuple):
        for value in node:
            _sizes(value, found)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", default=SERVERS)
    parser.add_argument("--workers", default="10,100,1000,10000")
    parser.add_argument("--parameters", type=int, default=2410)
    parser.add_argument("--pairs", type=int, default=9)
    parsed = parser.parse_args()
    torch.set_num_threads(1)
    names = parsed.servers.split(",")
    sizes = [int(size) for size in parsed.workers.split(",")]
    print(f"{'server':<18}" + "".join(f"n={size:>6}: µs  vectors  " for size in sizes))
    for name in names:
        cells = []
        for size in sizes:
            turns, count = Turns(name, size, parsed.parameters), max(200, min(2 * size, 4000))
            turns.turn(2 * count)
            times = [turns.turn(count // 2) for _ in range(parsed.pairs)]
            cells.append(f"{1e6 * statistics.median(times):>12.0f} {turns.vectors():>8.0f}  ")
        print(f"{name:<18}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
