"""Synchronous rounds (trimmed_mean under ipm) against byzfl's own training loop on the same work.

    python benchmarks/rounds.py [--works digits,MLP] [--workers 10,50] [--rounds 20] [--pairs 7]

Honest gradients per second of CPU time, in one process and in random order; the ratio of the sums over all turns. Above
1: byzsgd is faster, with its records, evaluations and checkpoints. byzfl (`pip install byzfl`) draws its batches with a
DataLoader for each client, as its own training does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from engine import alone
from turns import in_turns
from works import WORKS, build, matching

from byzsgd.run.process import rare_collections
from byzsgd.run.screen import Nobody
from byzsgd.torchvision_compat import import_torchvision

SHARE = 5  # one worker of so many lies


def ours(work: str, n: int, folder: Path) -> Callable[[int], object]:
    """Runs rounds of byzsgd, with its records."""
    f = n // SHARE
    experiment = build(work, n, "aggregator=trimmed_mean", "attack=ipm", "delay=constant", "knowledge=in_flight",
                       "engine=compiled", f"num_byzantine={f}", f"f={f}")  # fmt: skip
    run = alone(experiment.start(folder, Nobody()))
    return lambda count: run(count * n)


def byzfls(work: str, n: int) -> Callable[[int], None]:
    """Runs rounds as byzfl's `train` does: clients, attack, server."""
    from byzfl import ByzantineClient, Client, Server
    from byzfl.fed_framework import models
    from torch.utils.data import DataLoader, TensorDataset

    f = n // SHARE
    session = build(work, n).prepare()
    train = session.problem.data.train
    models.benchmarked = lambda: session.problem._built(np.random.default_rng(0))
    blocks = [TensorDataset(train.inputs[block], train.targets[block]) for block in session.blocks]
    loaders = [DataLoader(block, WORKS[work].batch_size, shuffle=True) for block in blocks]
    common = {"model_name": "benchmarked", "device": "cpu", "optimizer_name": "SGD", "learning_rate": 0.1,
              "weight_decay": 0.0, "milestones": [], "learning_rate_decay": 1.0}  # fmt: skip
    clients = [
        Client(common | {"loss_name": "CrossEntropyLoss", "LabelFlipping": False, "momentum": 0.0,
                         "nb_labels": session.problem.data.num_classes, "training_dataloader": loader,
                         "store_per_client_metrics": False})
        for loader in loaders[: n - f]
    ]  # fmt: skip
    server = Server(common | {"test_loader": loaders[0], "pre_agg_list": [],
                              "aggregator_info": {"name": "TrMean", "parameters": {"f": f}}})  # fmt: skip
    liars = ByzantineClient({"name": "InnerProductManipulation", "f": f, "parameters": {"tau": 0.1}})

    def rounds(count: int) -> None:
        for _ in range(count):
            parameters = server.get_dict_parameters()
            for client in clients:
                client.set_model_state(parameters)
                client.compute_gradients()
            honest = [client.get_flat_gradients_with_momentum() for client in clients]
            server.update_model_with_gradients(honest + liars.apply_attack(honest))

    return rounds


def seconds(way: Callable[[int], object], rounds: int) -> float:
    with rare_collections():
        began = time.process_time()
        way(rounds)
        return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", default="digits,MLP")
    parser.add_argument("--workers", default="10,50")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    import_torchvision()  # which byzfl imports without a second try
    try:
        import byzfl  # noqa: F401
    except ImportError:
        print("byzfl is not installed (pip install byzfl): nothing to compare with")
        return
    for work in matching(options.works):
        for n in map(int, options.workers.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                ways = {"byzsgd": ours(work, n, Path(folder)), "byzfl": byzfls(work, n)}
                for way in ways.values():
                    way(3)
                timed = {name: partial(seconds, way, options.rounds) for name, way in ways.items()}
                taken = in_turns(timed, options.pairs)
            ratio = sum(each["byzfl"] for each in taken) / sum(each["byzsgd"] for each in taken)
            print(f"{work:27} n={n:<4} {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    main()
