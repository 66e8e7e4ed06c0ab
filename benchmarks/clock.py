"""Cost per arrival of the clock alone, n = 10,000 against n = 10 workers, light and heavy tails.

    python benchmarks/clock.py [--arrivals 200000] [--repeats 5]

Every turn is peeked, popped and dispatched again. Sizes alternate in random order within one process, and CPU time is
counted. So only the printed ratios mean anything.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import time
from collections.abc import Mapping

from byzsgd.delays import exponential, lognormal, pareto
from byzsgd.delays.availability import always
from byzsgd.delays.heterogeneity import linear
from byzsgd.interfaces import JobLaw
from byzsgd.kernel.clocks import build_clock
from byzsgd.kernel.randomness import Streams

LAWS: Mapping[str, JobLaw] = {
    "exponential": exponential(mean=1.0, availability=always(price=0.0)),
    "pareto, shape 1.2": pareto(shape=1.2, scale=1.0, availability=always(price=0.0)),
    "lognormal, sigma 2": lognormal(mu=0.0, sigma=2.0, availability=always(price=0.0)),
    "exponential, linear": exponential(mean=1.0, heterogeneity=linear(), availability=always(price=0.0)),
}


def microseconds(law: JobLaw, num_workers: int, arrivals: int, seed: int) -> float:
    """CPU time per arrival, with the first job of every worker."""
    gc.collect()
    began = time.process_time()
    clock = build_clock(law, Streams(seed), num_workers)
    state = clock.init(num_workers)
    for worker in range(num_workers):
        clock.dispatch(state, worker, 0, 0.0, clock.seconds(state, worker))
    for step in range(arrivals):
        turn = clock.peek(state, step)
        assert turn is not None
        clock.pop(state)
        clock.dispatch(state, turn.worker, step + 1, turn.time, clock.seconds(state, turn.worker))
    return (time.process_time() - began) / (arrivals + num_workers) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arrivals", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{'law':22}{'n=10':>10}{'n=10,000':>10}{'ratio':>8}   (CPU µs per arrival; medians)")
    for name, law in LAWS.items():
        pairs = []
        for seed in range(options.repeats):
            sizes = [10, 10_000]
            random.Random(seed).shuffle(sizes)
            pairs.append({n: microseconds(law, n, options.arrivals, seed) for n in sizes})
        small, large = (statistics.median(pair[n] for pair in pairs) for n in (10, 10_000))
        ratio = statistics.median(pair[10_000] / pair[10] for pair in pairs)
        print(f"{name:22}{small:10.2f}{large:10.2f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
