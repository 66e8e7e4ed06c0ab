"""Where the time of a run goes: CPU time of each part, for the default run or any other.

    python benchmarks/parts.py [override …]        such as: aggregator=asgd attack=lie num_workers=50

The run is the one that `byzsgd train` would make, in a folder, with evaluations and checkpoints.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import byzsgd
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.run.process import rare_collections
from byzsgd.run.running import Running
from byzsgd.run.screen import Nobody


class Meter:
    """CPU time by part; what a part spends inside another counts for the inner one."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._inner = 0.0

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            outer, self._inner = self._inner, 0.0
            began = time.process_time()
            try:
                return function(*values, **named)
            finally:
                spent = time.process_time() - began
                self.seconds[part] += spent - self._inner
                self.calls[part] += 1
                self._inner = outer + spent

        return call

    def watch(self, part: str, owner: Any, method: str) -> None:
        object.__setattr__(owner, method, self.timed(part, getattr(owner, method))) if not isinstance(
            owner, type
        ) else setattr(owner, method, self.timed(part, getattr(owner, method)))


def main() -> None:
    torch.set_num_threads(1)
    overrides = ["engine=fused", *sys.argv[1:]]  # compiled code has no parts that could be timed apart
    byzsgd.experiment(*overrides, "budget.arrivals=300").run()  # warm
    meter = Meter()
    experiment = byzsgd.experiment(*overrides)
    with tempfile.TemporaryDirectory() as folder:
        running = experiment.start(Path(folder), Nobody())
        kernel, engine = running.prepared.kernel, running.prepared.engine
        for part, owner, method in (
            ("gradients", type(engine), "results"),
            ("server", type(kernel.adversary.aggregator), "receive"),
            ("attack", type(kernel.adversary.attack), "forge"),
            ("clock", type(kernel.clock), "dispatch"),
            ("clock", type(kernel.clock), "peek"),
            ("clock", type(kernel.clock), "seconds"),
            ("optimizer", type(kernel.optimizer), "apply"),
            ("evaluation", SupervisedProblem, "evaluate"),
            ("records", running.store.recorder, "arrival"),
            ("checkpoints", running.store, "checkpoint"),
            ("record on disk", Running, "end"),
        ):
            meter.watch(part, owner, method)
        began = time.process_time()
        with rare_collections():
            running.complete(lambda: False)
        total = time.process_time() - began
        arrivals = running.world.arrivals
    print(f"engine {engine.name}, {arrivals} arrivals; share of the time, microseconds per arrival")
    rest = {"kernel and the rest": total - sum(meter.seconds.values())}
    for part, seconds in sorted((meter.seconds | rest).items(), key=lambda item: -item[1]):
        print(f"{part:26}{seconds / total:7.0%}{seconds / arrivals * 1e6:10.1f}")


if __name__ == "__main__":
    main()
