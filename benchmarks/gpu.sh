#!/usr/bin/env bash
# The same paths on a GPU, which was never measured. One machine with CUDA, a few minutes:
#
#     bash benchmarks/gpu.sh
#
# Expected: with 1000 workers, groups in fused or vmap are much faster than the loop, whose gradients are launches of
# microseconds one after another. The CNN gains from vmap, which it does not on a CPU. auto takes the fastest of these and
# never compiled code. The numbers belong into docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
PYTHONPATH=benchmarks $python - <<'RUN'
import time
from dataclasses import replace

import torch
from works import build

from byzsgd.run.budget import Budget

assert torch.cuda.is_available(), "gpu.sh needs a CUDA device"
print(torch.cuda.get_device_name(), "torch", torch.__version__)


def rate(work, n, engine, arrivals):
    experiment = build(work, n, "device=cuda", "aggregator=asgd", f"engine={engine}")
    experiment = replace(experiment, budget=Budget(updates=None, arrivals=arrivals, time=None))
    began = time.perf_counter()
    run = experiment.run()
    torch.cuda.synchronize()
    return arrivals / (time.perf_counter() - began), run.info["engine"]


for work in ("digits MLP 64-32-10", "MLP 784-100-10", "EMNIST CNN"):
    for n in (10, 1000):
        for engine in ("loop", "fused", "vmap", "auto"):
            try:
                rate(work, n, engine, 300)
                found, path = rate(work, n, engine, 3000)
            except ValueError as error:
                print(f"{work:22} n={n:<5} {engine:6} {error}")
                continue
            assert not path.startswith("compiled"), path
            print(f"{work:22} n={n:<5} {engine:6} {found:9.0f} arrivals a second   {path}", flush=True)
RUN
$python -m pytest -q -m gpu tests
