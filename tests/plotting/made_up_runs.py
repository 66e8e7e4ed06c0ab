"""Made-up runs for the tests of figures and reports: cheap, deterministic, shaped like real ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROBUST = ("kardam", "krum", "trimmed_mean", "median", "quorum", "basgd", "zeno_pp", "multi_krum")


@dataclass(frozen=True)
class Row:
    """What `byzsgd.records.Run` is to a figure."""

    metrics: pl.DataFrame
    arrivals: pl.DataFrame
    config: dict[str, Any]
    choices: dict[str, str]
    info: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None


def run(
    aggregator: str = "kardam",
    attack: str = "lie",
    seed: int = 0,
    *,
    n: int = 15,
    byzantine: int = 3,
    arrivals: int = 600,
    every: int = 50,
    status: str | None = None,
    folder: Path | None = None,
    settings: dict[str, Any] | None = None,
    choices: dict[str, str] | None = None,
) -> Row:
    """A run of a server under an attack; undefended servers diverge under `reversed`."""
    rng = np.random.default_rng([seed, n, arrivals])
    noise = np.random.default_rng([seed, sum(aggregator.encode()), sum(attack.encode())])
    robust = aggregator in ROBUST
    diverges = attack == "reversed" and not robust
    status = status or ("diverged" if diverges else "finished")
    if status == "diverged":
        arrivals = arrivals // 3 + 40 * seed
    worker = rng.integers(0, n, arrivals)
    liar = worker < byzantine
    time = np.cumsum(rng.exponential(1 / n, arrivals))
    staleness = rng.poisson(n - 1, arrivals)
    coefficient = rng.lognormal(0.0, 0.5, arrivals) * np.where(liar & (attack != "none"), 12.0, 1.0)
    coefficient[liar & (attack == "not_a_number")] = np.nan
    threshold = np.full(arrivals, 2.0) * (1 + 0.3 * np.sin(np.arange(arrivals) / 60))
    squatting = rng.random(arrivals) < 0.04
    if aggregator == "kardam":
        accepted = (coefficient <= threshold) & ~squatting
        reason = np.where(accepted, "accepted", np.where(squatting, "frequency", "lipschitz"))
    else:
        accepted = np.ones(arrivals, bool)
        reason = np.full(arrivals, "accepted")
    updated = accepted & (np.arange(arrivals) % (5 if aggregator == "kardam" else 1) == 0)
    step = np.cumsum(updated) - updated
    rows = pl.DataFrame(
        {
            "arrival": np.arange(arrivals),
            "time": time,
            "worker": worker,
            "serial": np.arange(arrivals) // n,
            "byzantine": liar,
            "read_at": np.maximum(step - staleness, 0),
            "read_at_true": np.maximum(step - staleness, 0),
            "step": step,
            "staleness": np.minimum(staleness, step),
            "accepted": accepted,
            "reason": reason,
            "weight": np.where(accepted, 1.0, 0.0),
            "norm": rng.lognormal(0, 0.3, arrivals),
            "bits": np.full(arrivals, 32 * 2410),
            "updated": updated,
        }
    )
    if aggregator == "kardam":
        rows = rows.with_columns(lipschitz=pl.Series(coefficient), lipschitz_threshold=pl.Series(threshold))
    places = np.unique(np.append(np.arange(0, arrivals, every), arrivals - 1))
    shape = 1 - np.exp(-places / 160)
    best = 0.95 if attack == "none" else 0.9 if robust else 0.35
    accuracy = np.clip(0.1 + (best - 0.1) * shape + noise.normal(0, 0.015, len(places)), 0, 1)
    loss = 2.3 * (1 - 0.9 * shape * best) + noise.normal(0, 0.02, len(places)) ** 2
    if status == "diverged":
        accuracy[-1], loss[-1] = 0.0, np.nan
        loss[:-1] *= np.exp(places[:-1] / 30)
    metrics = pl.DataFrame(
        {
            "step": step[places],
            "time": time[places],
            "arrivals": places,
            "train_loss": loss,
            "test_loss": loss * 1.05,
            "test_accuracy": accuracy,
        }
    )
    config = {
        "num_workers": n,
        "num_byzantine": byzantine,
        "f": byzantine,
        "seed": seed,
        "optimizer": {"_target_": "byzsgd.optimizers.sgd", "lr": 0.1},
        "aggregator": {"_target_": "byzsgd.aggregators." + aggregator, "rule": {"f": byzantine}},
        "attack": {"_target_": "byzsgd.attacks." + attack} | ({"z": 1.5} if attack == "lie" else {}),
        "delay": {"_target_": "byzsgd.delays.exponential", "mean": 1.0},
    } | (settings or {})
    if aggregator == "kardam":
        config["aggregator"] |= {
            "filters": {"lipschitz": {"f": byzantine}, "frequency": {"f": byzantine}, "zeno": None}
        }
    chosen = {"aggregator": aggregator, "attack": attack, "dataset": "digits", "delay": "exponential"}
    chosen["aggregator/damping"] = "inverse" if aggregator == "kardam" else "none"
    info = {"status": status, "num_parameters": 2410, "byzantine_ids": list(range(byzantine)), "wall_time": 1.5}
    return Row(metrics, rows, config, chosen | (choices or {}), info, folder)


def sweep(servers: tuple[str, ...], attacks: tuple[str, ...], seeds: int, **settings: Any) -> list[Row]:
    """All combinations."""
    return [run(server, attack, seed, **settings) for server in servers for attack in attacks for seed in range(seeds)]


RING = [[0, 1], [1, 2], [2, 3], [0, 3]]


def network_run(
    seed: int = 0,
    gap: float = 0.5,
    *,
    attack: str = "lie",
    graph: list[list[int]] = RING,
    scheme_graph: str = "ring",
    scheme_rule: str = "mean",
    **settings: Any,
) -> Row:
    """A run of four nodes, of which one lies, that agree better and better."""
    made = run(attack=attack, seed=seed, **{"n": 4, **settings})
    count = len(made.metrics)
    apart = pl.Series(0.9 ** np.arange(count))
    own = made.metrics["test_accuracy"] * (1 - 0.3 * apart)
    metrics = made.metrics.with_columns(
        consensus=apart * (1 + seed), worst_accuracy=own * 0.9, node_accuracy=own, best_accuracy=own * 1.05
    )
    facts = {"graph": graph, "spectral_gap": gap, "honest_gap": 0.1, "lying_weight": 1 / 3, "honest_connected": False}
    choices = {**made.choices, "scheme/graph": scheme_graph, "scheme/rule": scheme_rule}
    return replace(made, metrics=metrics, choices=choices, info={**made.info, **facts, "byzantine_ids": [2]})
