"""D-PSGD on a ring beside a hand-written loop over nodes and one over stacked models: gradients a second.

    python benchmarks/gossip.py [nodes …]      # default: 8 and 64

The node-by-node loop is that of most published code: one model per node, autograd, one product with the mixing matrix.
The stacked loop computes all gradients of a round in one call (torch.func.vmap). Rounds without a barrier cannot do
that, so it is a bound and not a rival. All draw byzsgd's batches in byzsgd's way.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from byzsgd import experiment
from byzsgd.graphs import ring
from byzsgd.interfaces import BatchKey
from byzsgd.kernel.lookahead import events
from byzsgd.run.prepared import Prepared
from byzsgd.schemes.mixing import metropolis

LR = 0.1
SECONDS = 3.0  # of CPU time


def ours(prepared: Prepared) -> Iterator[int]:
    """byzsgd; each step is one delivery."""
    world = prepared.kernel.begin(prepared.initial.clone())
    for _ in events(prepared.kernel, world, prepared.engine):
        yield 1


def node_by_node(prepared: Prepared, n: int) -> Iterator[int]:
    """Each step is one round: every node's gradient by autograd, then X ← WX − ηG."""
    module, data, batches = prepared.problem.module, prepared.problem.data, prepared.batches
    parameters = list(module.parameters())
    sizes = [p.numel() for p in parameters]
    weights = torch.from_numpy(metropolis(ring()(n))).float()
    models = prepared.initial.repeat(n, 1)
    for number in itertools.count():
        steps = []
        for node in range(n):
            for parameter, part in zip(parameters, models[node].split(sizes), strict=True):
                parameter.data = part.view_as(parameter)
            at = batches.indices(BatchKey(node, number))
            loss = functional.cross_entropy(module(data.train.inputs[at]), data.train.targets[at])
            steps.append(torch.cat([part.flatten() for part in torch.autograd.grad(loss, parameters)]))
        models = weights @ models - LR * torch.stack(steps)
        yield n


def stacked(prepared: Prepared, n: int) -> Iterator[int]:
    """Each step is one round: all gradients in one call."""
    module, data, batches = prepared.problem.module, prepared.problem.data, prepared.batches
    named = [(name, p.shape, p.numel()) for name, p in module.named_parameters()]
    weights = torch.from_numpy(metropolis(ring()(n))).float()
    models = prepared.initial.repeat(n, 1)

    def loss(model: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        parts = model.split([count for _, _, count in named])
        given = {name: part.view(shape) for (name, shape, _), part in zip(named, parts, strict=True)}
        return functional.cross_entropy(torch.func.functional_call(module, given, (inputs,)), targets)

    gradient = torch.func.vmap(torch.func.grad(loss))
    for number in itertools.count():
        rows = torch.stack([torch.as_tensor(batches.indices(BatchKey(node, number))) for node in range(n)])
        models = weights @ models - LR * gradient(models, data.train.inputs[rows], data.train.targets[rows])
        yield n


def rate(loop: Callable[[], Iterator[int]]) -> float:
    """Gradients a second, after a warm-up."""
    steps = loop()
    for _ in range(20):
        next(steps)
    count, start = 0, time.process_time()
    while time.process_time() - start < SECONDS:
        count += next(steps)
    return count / (time.process_time() - start)


def main() -> None:
    torch.set_num_threads(1)
    for n in map(int, sys.argv[1:] or ["8", "64"]):
        settings = (f"num_workers={n}", "num_byzantine=0", "scheme=d_psgd", "delay=constant")
        prepared = experiment(*settings).prepare()
        rates = {
            "byzsgd": rate(lambda prepared=prepared: ours(prepared)),
            "node by node": rate(lambda prepared=prepared, n=n: node_by_node(prepared, n)),
            "stacked": rate(lambda prepared=prepared, n=n: stacked(prepared, n)),
        }
        shown = ", ".join(f"{name} {value:.0f}/s" for name, value in rates.items())
        print(f"n={n}: {shown}; ratio to node by node {rates['byzsgd'] / rates['node by node']:.2f}")


if __name__ == "__main__":
    main()
