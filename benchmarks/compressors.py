"""The cost of a compressor: encoding and decoding one vector, beside a copy and a random draw of its size.

    python benchmarks/compressors.py [--size 1000000] [--repeats 9]

Printed: milliseconds, the best of the repeats, and the multiple of the floor. The floor is a copy of the vector and d
uniform numbers. With `--run`: the arrivals per second of CPU time of a whole run without a compressor, for comparison
with another checkout.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

import byzsgd
from byzsgd import compressors
from byzsgd.interfaces import Sending, WorkerContext
from byzsgd.kernel.randomness import Streams

MEMBERS = {
    "none": compressors.none(),
    "sign": compressors.sign(),
    "scaled_sign": compressors.scaled_sign(),
    "stochastic_sign": compressors.stochastic_sign(bound="own"),
    "dp_sign": compressors.dp_sign(),
    "noisy_sign": compressors.noisy_sign(),
    "qsgd": compressors.qsgd(levels=4),
    "qsgd sparse": compressors.qsgd(levels=4, coding="sparse"),
    "uniform": compressors.uniform(bits=4),
    "terngrad": compressors.terngrad(),
    "top_k": compressors.top_k(share=0.01),
    "random_k": compressors.random_k(share=0.01),
    "dynamic": compressors.dynamic(decay=0.99, scale=10.0, horizon=100),
}


def best(function: Callable[[], object], repeats: int) -> float:
    """The least milliseconds of CPU time of a call."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        function()
        times.append(time.process_time() - began)
    return 1e3 * min(times)


def one_vector(size: int, repeats: int) -> None:
    streams = Streams(0)
    context = WorkerContext(0, size, (size,), streams.of_worker(0))
    stream = streams.stream("compression")
    vector = torch.randn(size, generator=torch.Generator().manual_seed(0))

    def draw() -> torch.Tensor:
        return torch.from_numpy(stream.at(0, 0).random(size, dtype=np.float32))

    copied = best(vector.clone, repeats)
    floor = best(lambda: (vector.clone(), draw()), repeats)
    print(f"d = {size:,}: a copy {copied:.2f} ms, a copy and a draw {floor:.2f} ms")

    def send(compressor: Any) -> torch.Tensor:
        uniforms = draw() if compressor.random else None
        wire, _ = compressor.encode(compressor.init(context), vector, uniforms, Sending(0, 0.1))
        decoded: torch.Tensor = compressor.decode(wire)
        return decoded

    for name, compressor in MEMBERS.items():
        taken = best(partial(send, compressor), repeats)
        print(f"{name:16} {taken:8.2f} ms   {taken / floor:5.2f} of the floor")


def one_run(repeats: int) -> None:
    experiment = byzsgd.experiment("budget.arrivals=4000", "eval_every=4000", "aggregator=asgd")
    experiment.run()
    taken = best(experiment.run, repeats)
    print(f"{4000 / taken * 1e3:,.0f} arrivals per second of CPU without a compressor")


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--run", action="store_true")
    parsed = parser.parse_args()
    if parsed.run:
        one_run(parsed.repeats)
    else:
        one_vector(parsed.size, parsed.repeats)


if __name__ == "__main__":
    main()
