"""byzsgd beside a loop as a careful researcher would write it in JAX: `lax.scan` over a given schedule, `vmap` over
seeds.

    python benchmarks/jax_peer.py [--works digits,logistic] [--servers asgd,kardam] [--seeds 1,8,32] [--workers 10]
                                  [--arrivals 3000] [--turns 3]

Printed: arrivals per second of CPU time, with one thread, over those of the hand-written loop
(benchmarks/hand_written.py), in turns in one process. byzsgd runs its seeds one after another, with records,
evaluations and checkpoints. The time of the JAX script leaves out its schedule, batches and compilation, and it records
nothing. With asgd both must be at the same model after 300 deliveries. Needs `pip install 'byzsgd[bench]'`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from heapq import heapify, heapreplace
from itertools import islice
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np
import torch
from engine import alone
from hand_written import asynchronous
from turns import in_turns
from works import build, matching

from byzsgd.interfaces import BatchKey
from byzsgd.kernel.engine.fused import fusible
from byzsgd.run.running import Running
from byzsgd.run.screen import Nobody

RATE, MANY = 0.1, 1e30
COMPARED = 300  # deliveries after which both must be at one model: later, random labels make last digits grow


def schedule(running: Running, n: int, arrivals: int) -> tuple[np.ndarray, np.ndarray]:
    """(arrivals,) the worker of each delivery, and (arrivals, B) the batch of its job."""
    seconds, batches = running.prepared.kernel.clock.durations, running.prepared.batches
    heap = [(seconds(worker, 0), worker, 0) for worker in range(n)]
    heapify(heap)
    workers, drawn = [], []
    for _ in range(arrivals):
        now, worker, serial = heap[0]
        workers.append(worker)
        drawn.append(batches.indices(BatchKey(worker, serial)).numpy())
        heapreplace(heap, (now + seconds(worker, serial + 1), worker, serial + 1))
    return np.array(workers), np.stack(drawn)


def program(running: Running, n: int, server: str, seeds: int) -> Callable[..., object]:
    """A compiled function of (seeds, d) models, (seeds, arrivals) workers, (seeds, arrivals, B) batches."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    layers = fusible(running.prepared.problem)
    assert not isinstance(layers, str)
    train = running.prepared.problem.data.train
    inputs, labels = (
        jnp.asarray(train.inputs.numpy().reshape(len(train.inputs), -1)),
        jnp.asarray(train.targets.numpy()),
    )

    def loss(params, x, y):
        begin = 0
        for layer in layers:
            size = layer.inputs * layer.outputs
            x = x @ params[begin : begin + size].reshape(layer.outputs, layer.inputs).T
            begin += size
            x = x + params[begin : begin + layer.outputs]
            begin += layer.outputs
            x = jax.nn.relu(x) if layer.activation is not None else x
        return -jnp.mean(jax.nn.log_softmax(x)[jnp.arange(len(y)), y])

    gradient = jax.grad(loss)

    def asgd(carry, job):
        live, copies = carry
        worker, batch = job
        live = live - RATE * gradient(copies[worker], inputs[batch], labels[batch])
        return (live, copies.at[worker].set(live)), None

    f, size = max((n - 1) // 3, 0), max(n // 3, 1)

    def kardam(carry, job):
        (live, copies, read, step), (models, vectors, table), (last, accepted), (total, held) = carry
        worker, batch = job
        model = copies[worker]
        vector = gradient(model, inputs[batch], labels[batch])
        distance = jnp.linalg.norm(model - models[worker])
        seen = jnp.isfinite(table[worker]) | (last[worker] > -MANY / 2)
        new = jnp.where(seen & (distance > 0), jnp.linalg.norm(vector - vectors[worker]) / distance, table[worker])
        table = table.at[worker].set(new)
        passes = (new <= jnp.sort(table)[n - 1 - f]) & (accepted - last[worker] >= 2 * f)
        accepted = accepted + passes
        last = last.at[worker].set(jnp.where(passes, accepted, last[worker]))
        share = jnp.where(passes, 1.0 / (1.0 + step - read[worker]), 0.0)
        total, held = total + share * vector, held + passes
        full = held >= size
        live = jnp.where(full, live - RATE * total / size, live)
        total, held = jnp.where(full, 0.0, total), jnp.where(full, 0, held)
        step = step + full
        carried = (
            (live, copies.at[worker].set(live), read.at[worker].set(step), step),
            (models.at[worker].set(model), vectors.at[worker].set(vector), table),
            (last, accepted),
            (total, held),
        )
        return carried, None

    def run(params, workers, batches):
        copies = jnp.tile(params, (n, 1))
        if server == "asgd":
            return lax.scan(asgd, (params, copies), (workers, batches))[0][0]
        start = (
            (params, copies, jnp.zeros(n), jnp.zeros(())),
            (copies, jnp.zeros_like(copies), jnp.full(n, jnp.inf)),
            (jnp.full(n, -MANY), jnp.zeros(())),
            (jnp.zeros_like(params), jnp.zeros((), int)),
        )
        return lax.scan(kardam, start, (workers, batches))[0][0][0]

    return jax.jit(jax.vmap(run) if seeds > 1 else run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", default="digits,logistic")
    parser.add_argument("--servers", default="asgd,kardam")
    parser.add_argument("--seeds", default="1,8,32")
    parser.add_argument("--workers", type=int, default=10)
    parser.add_argument("--arrivals", type=int, default=3000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        import jax
    except ImportError:
        print("jax is not installed (pip install 'byzsgd[bench]'): nothing to compare with")
        return
    n, arrivals = options.workers, options.arrivals
    print(f"{'work':27}{'server':8}{'seeds':>6}{'byzsgd':>9}{'jax':>9}")
    for work in matching(options.works):
        for server in options.servers.split(","):
            for seeds in map(int, options.seeds.split(",")):
                folder = tempfile.TemporaryDirectory()
                settings = (f"aggregator={server}", f"f={(n - 1) // 3}", "engine=compiled")
                runs = [
                    build(work, n, *settings, f"seed={seed}").start(Path(folder.name, str(seed)), Nobody())
                    for seed in range(seeds)
                ]
                plays = [alone(run) for run in runs]
                schedules = [schedule(run, n, arrivals) for run in runs]
                models = np.stack([run.prepared.initial.numpy() for run in runs])
                data = [models, np.stack([who for who, _ in schedules]), np.stack([drawn for _, drawn in schedules])]
                data = [part if seeds > 1 else part[0] for part in data]
                function = program(runs[0], n, server, seeds)
                jax.block_until_ready(function(*data))
                if server == "asgd":
                    begun = [data[0], data[1][..., :COMPARED], data[2][..., :COMPARED, :]]
                    end, first = np.asarray(function(*begun)), plays[0](COMPARED).numpy()
                    moved = np.linalg.norm(first - models[0])
                    assert np.linalg.norm(first - (end if seeds == 1 else end[0])) < 0.05 * moved, "another training"
                hand = asynchronous(runs[0].prepared, n, RATE)
                part = max(arrivals // 10, 1)

                def timed(work: Callable[[], object], deliveries: int) -> float:
                    began = time.process_time()
                    work()
                    return (time.process_time() - began) / deliveries

                ways = {
                    "hand": lambda: timed(lambda: [*islice(hand, part)], part),  # noqa: B023
                    "byzsgd": lambda: timed(lambda: [play(arrivals) for play in plays], seeds * arrivals),  # noqa: B023
                    "jax": lambda: timed(lambda: jax.block_until_ready(function(*data)), seeds * arrivals),  # noqa: B023
                }
                taken = in_turns(ways, options.turns)
                total = {name: sum(each[name] for each in taken) for name in ways}
                ratios = [total["hand"] / total[name] for name in ("byzsgd", "jax")]
                print(f"{work:27}{server:8}{seeds:>6}{ratios[0]:9.2f}{ratios[1]:9.2f}", flush=True)
                folder.cleanup()


if __name__ == "__main__":
    main()
