"""Whole runs as hashes of their bits: recorded before a change that must not change any of them, compared after it.

    python -m tests.kernel.recorded_runs OUT.json                       records all of them
    python -m tests.kernel.recorded_runs OUT.json --only kardam         … those whose name matches
    python -m tests.kernel.recorded_runs OUT.json --against OLD.json    … and names every difference; exit code 1

The hashes belong to one machine and one set of packages: another processor adds in another order. The names of members
are written out here, so that a member that vanishes is a difference. Only `byzsgd.experiment`, the run that it gives
and `params.safetensors` are used: they outlive the files behind them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl
from safetensors import safe_open

import byzsgd

try:
    from byzsgd.records import run_id
except ImportError:  # its module may have moved: ids are then held by tests/records alone
    run_id = None

COMMON = ("budget.arrivals=120", "eval_every=50", "batch_size=8")

OF_0_1 = {"dataset": "dataset.validation_share=0.0", "engine": "engine.compiled=false"}  # other defaults since
GENERATED = ("least_squares", "phase_retrieval", "quadratic", "ridge_logistic")

ROUNDS = (
    *("aksel", "bulyan", "caf", "centered_clipping", "cge", "dnc", "flag", "flag_single", "fltrust"),
    *("geometric_median", "krum", "mda", "meamed", "mean", "median", "monna", "multi_krum", "mva", "phocas", "rfa"),
    *("sign_majority", "smea", "sum", "trimmed_mean"),
)
AT_ONCE = (
    *("ada_delay", "afl_guard", "asgd", "basgd", "dc_asgd", "delay_adaptive", "dynsgd", "fedasync", "fedbuff"),
    *("kardam", "kardam_author", "mifa", "quorum", "rennala", "ringleader", "ringmaster", "ringmaster_stop"),
    *("staleness_aware", "throttle", "weighted_ctma", "weighted_median", "weighted_rfa", "zeno_pp"),
)
ATTACKS = (
    *("adaptive", "anti_cge", "backdoor", "collusion", "cone_hug", "constant", "crash", "fang_krum"),
    *("fang_trimmed_mean", "frequency_squat", "gaussian", "hidden_vulnerability", "infinity", "ipm", "label_flip"),
    *("lie", "lipschitz_hug", "mimic", "min_max", "min_sum", "none", "not_a_number", "optimal_ipm", "optimal_lie"),
    *("phase", "random_disturbance", "replay", "reversed", "sign_flip", "staleness_lie", "table_poisoning", "zero"),
)
SOON = {  # so that a change of mind falls into a short run
    "collusion": ("attack.patience=6",),
    "crash": ("attack.after=3.0",),
    "mimic": ("attack.warmup=8",),
    "phase": ("attack.until=10",),
    "replay": ("attack.lag=7",),
    "table_poisoning": ("attack.until=10",),
}
TIMED = ("collusion", "crash", "frequency_squat")
FRIENDS = ("adaptive", "cone_hug", "lie", "mimic", "optimal_lie", "replay")  # those that look at others' vectors
LAWS = (
    *("constant", "exponential", "gamma", "lognormal", "markov", "normal", "pareto", "shifted_exponential", "trace"),
    *("two_speed", "uniform", "weibull"),
)
PRESCRIBED = ("d1", "d2", "staleness_constant", "staleness_geometric", "staleness_uniform")
HETEROGENEITIES = ("dirichlet", "equal", "linear", "list", "lognormal", "sqrt", "square", "stragglers")
AVAILABILITIES = (
    *("always", "bernoulli", "crash", "on_demand", "periodic", "preemptible", "preemptible_growing", "spot"),
    *("spot_two_bids", "trace"),
)
WORKERS = ("clipped", "delta", "gradient", "local_steps", "momentum", "storm")
SERVER_OF = {"delta": ("aggregator=mifa", "aggregator.deltas=true")}
PROBLEMS = {
    "breast_cancer": (),
    "digits": (),
    "least_squares": ("dataset.n=500", "dataset.d=20", "dataset.test=50", "optimizer.lr=.01"),
    "phase_retrieval": ("optimizer.lr=.001",),
    "quadratic": ("dataset.d=20",),
    "ridge_logistic": ("dataset.d=20",),
    "wine": (),
}
PARTITIONS = ("dirichlet", "extreme", "gamma_similarity", "iid", "quantity_skew", "shards")
# Servers that are run with 50 workers too.
MANY = ("fedbuff", "kardam", "krum", "mva", "quorum", "ringmaster", "ringmaster_stop", "throttle", "trimmed_mean")
DAMPINGS = (
    *("ada_delay", "delay_adaptive", "exponential", "hinge", "inverse", "none", "polynomial", "reciprocal"),
    "root_exponential",
)
COLLECTORS = ("buckets", "buffer", "every", "latest", "round")
FILTERS = ("[]", "[lipschitz]", "[frequency]", "[frequency,lipschitz]", "[zeno,lipschitz]", "[afl_guard,frequency]")
WEIGHTED = ("ctma", "weighted_geometric_median", "weighted_median")
LISTED = f"[{','.join(str(1 + worker % 4) for worker in range(15))}]"

Case = tuple[str, tuple[str, ...]]  # a name, and the overrides beside COMMON


def _beside(group: str, member: str) -> tuple[str, ...]:
    """What a member needs beside its name; the files are those of `write_files`."""
    return {
        ("delay", "trace"): ("delay.path=jobs.csv",),
        ("delay/byzantine", "trace"): ("delay.byzantine.path=jobs.csv",),
        ("delay/communication", "trace"): ("delay.communication.path=jobs.csv",),
        ("delay/availability", "trace"): ("delay.availability.path=windows.csv",),
        ("delay/availability", "crash"): ("delay.availability.at=3.0",),
        ("delay/heterogeneity", "list"): (f"delay.heterogeneity.values={LISTED}",),
        ("worker", "local_steps"): ("worker.lr=.01",),
    }.get((group, member), ())


def _servers() -> Iterator[Case]:
    for name in (*ROUNDS, *AT_ONCE):
        for attack in ("none", "lie", "reversed"):
            yield f"server {name} {attack}", (f"aggregator={name}", f"attack={attack}")
    for name in MANY:
        yield f"server {name} n=50", (f"aggregator={name}", "num_workers=50", "num_byzantine=5", "attack=ipm")
    for name in ("throttle", "ringmaster", "ringmaster_stop", "ringleader", "rennala", "kardam", "krum", "fedbuff"):
        for delay in ("pareto", "constant", "two_speed"):
            yield f"server {name} {delay}", (f"aggregator={name}", f"delay={delay}", "attack=sign_flip")
    yield "server ringmaster limit", ("aggregator=ringmaster", "aggregator._limit_=3", "delay=pareto")
    yield "server ringmaster_stop limit", ("aggregator=ringmaster_stop", "aggregator.limit=3", "delay=pareto")
    yield "server throttle radii", ("aggregator=throttle", "aggregator.radius_first=1.0", "aggregator.radius_later=.1")
    yield "server dc_asgd adaptive", ("aggregator=dc_asgd", "aggregator.adaptive=true", "aggregator.compensation=2.0")
    yield "server basgd reassign", ("aggregator=basgd", "aggregator.collector.reassign_after=10", "attack=crash")
    for damping in DAMPINGS:
        yield f"damping {damping}", ("aggregator=asgd", f"aggregator/damping={damping}", "attack=lie")
    for collector in COLLECTORS:
        for rule in ("mean", "median", "krum"):
            yield (f"collector {collector} {rule}",
                   ("aggregator=asgd", f"aggregator/collector={collector}", f"aggregator/rule={rule}", "attack=ipm",
                    "num_byzantine=1"))  # fmt: skip
    for rule in WEIGHTED:
        for collector in ("buffer", "round"):
            chosen = ("aggregator=asgd", f"aggregator/collector={collector}", f"aggregator/rule={rule}")
            yield f"weighted {rule} {collector}", (*chosen, "attack=lie")
    for parts in ("[nnm]", "[bucketing]", "[clipping]", "[arc]", "[bucketing,nnm]", "[clipping,bucketing]"):
        for rule in ("krum", "median"):
            chosen = (f"aggregator={rule}", f"aggregator/preaggregator={parts}")
            yield f"preaggregator {parts} {rule}", (*chosen, "attack=lie", "f=2", "num_byzantine=2")
    for parts in FILTERS:
        for attack in ("lie", "lipschitz_hug"):
            yield f"filters {parts} {attack}", (f"aggregator/filters={parts}", f"attack={attack}")
    yield ("filters max_staleness first", ("aggregator/filters=[max_staleness,lipschitz,frequency]", "attack=lie",
                                           "aggregator.filters.max_staleness.limit=3"))  # fmt: skip
    yield "filters of the author", ("aggregator=kardam_author", "aggregator/filters=[frequency,lipschitz]")
    yield "server missing trusted data", ("aggregator=zeno_pp", "dataset.trusted=0")
    yield "server too many liars", ("aggregator=krum", "num_byzantine=7")


def _attacks() -> Iterator[Case]:
    for attack in ATTACKS:
        chosen = (f"attack={attack}", *SOON.get(attack, ()))
        for server in ("kardam", "trimmed_mean", "asgd"):
            yield f"attack {attack} {server}", (f"aggregator={server}", *chosen)
        yield f"attack {attack} d1", (*chosen, "aggregator=fedbuff", "delay=d1")
        yield f"attack {attack} without stamps", (*chosen, "stamps=false", "aggregator=dynsgd")
    for attack in ("lie", "lipschitz_hug", "mimic", "gaussian", "phase", "staleness_lie"):
        chosen = (f"attack={attack}", *SOON.get(attack, ()))
        yield f"attack {attack} own", (*chosen, "knowledge=own", "aggregator=fedasync")
    for attack in (*FRIENDS, *TIMED):
        chosen = (f"attack={attack}", *SOON.get(attack, ()), "knowledge=in_flight")
        for server in ("kardam", "krum"):
            yield f"attack {attack} in_flight {server}", (*chosen, f"aggregator={server}")
    for attack in ("collusion", "frequency_squat", "phase", "staleness_lie", "table_poisoning"):
        for payload in ("lie", "label_flip"):
            chosen = (f"attack={attack}", f"attack@attack.payload={payload}", *SOON.get(attack, ()))
            yield f"payload {attack} {payload}", (*chosen, "stamps=false")
    for name, chosen in {
        "adaptive away": ("attack=adaptive", "attack.objective=away"),
        "backdoor hidden": ("attack=backdoor", "attack.z=1.0"),
        "constant opposite": ("attack=constant", "attack.direction=opposite"),
        "hidden_vulnerability inf": ("attack=hidden_vulnerability", "attack.norm='inf'"),
        "lie formula": ("attack=lie", "attack.z=formula"),
        "mimic one": ("attack=mimic", "attack.worker=2"),
        "min_max sign": ("attack=min_max", "attack.deviation=sign"),
        "min_sum unit": ("attack=min_sum", "attack.deviation=unit"),
        "replay of its own": ("attack=replay", "attack.lag=5", "attack.source=own"),
        "table_poisoning low": ("attack=table_poisoning", "attack.until=10", "attack.side=low"),
        "staleness_lie old": ("attack=staleness_lie", "attack.staleness=5", "stamps=false", "aggregator=rennala"),
        "ids": ("attack=lie", "byzantine_ids=[0,7,14]"),
        "all lie": ("attack=gaussian", "num_workers=4", "num_byzantine=4", "f=1", "aggregator=asgd"),
    }.items():
        yield f"attack {name}", chosen


def _times() -> Iterator[Case]:
    for law in LAWS:
        yield f"delay {law}", (f"delay={law}", *_beside("delay", law), "aggregator=asgd")
        for group in ("byzantine", "communication"):
            yield (f"delay {group} {law}",
                   (f"delay/{group}={law}", *_beside(f"delay/{group}", law), "attack=reversed"))  # fmt: skip
    yield "delay byzantine same", ("delay/byzantine=same", "delay.byzantine.speed=4.0", "attack=reversed")
    for law in PRESCRIBED:
        for server in ("kardam", "krum", "fedbuff", "throttle", "ringmaster_stop"):
            yield f"prescribed {law} {server}", (f"delay={law}", f"aggregator={server}", "attack=lie")
    for name in HETEROGENEITIES:
        yield (f"heterogeneity {name}",
               (f"delay/heterogeneity={name}", *_beside("delay/heterogeneity", name), "attack=lie"))  # fmt: skip
    for name in AVAILABILITIES:
        chosen = (f"delay/availability={name}", *_beside("delay/availability", name))
        for server in ("asgd", "kardam", "trimmed_mean"):
            yield f"availability {name} {server}", (*chosen, f"aggregator={server}", "attack=lie", "delay=lognormal")
    for name in ("bernoulli", "preemptible", "spot"):  # slots so short that jobs are cut off
        for server in ("fedbuff", "krum", "ringmaster_stop"):
            chosen = (f"delay/availability={name}", "delay.availability.slot=1.0", f"aggregator={server}")
            yield f"availability {name} often {server}", (*chosen, "delay/communication=constant", "attack=lie")
    yield "stalled", ("aggregator=krum", "delay/availability=crash", "delay.availability.at=2.0")
    yield ("all gone", ("aggregator=asgd", "num_workers=3", "num_byzantine=0", "delay/availability=crash",
                        "delay.availability.at=4.0", "delay.availability.workers=[0,1,2]"))  # fmt: skip
    yield "prescribed in_flight", ("delay=d1", "attack=lie", "knowledge=in_flight")
    yield "budget of time", ("budget.time=5.0",)
    yield "budget of updates", ("budget.updates=12",)


def _workers() -> Iterator[Case]:
    for worker in WORKERS:
        server = SERVER_OF.get(worker, ("aggregator=asgd",))
        for sampling in ("replacement", "shuffle"):
            for delay in ("exponential", "d1"):
                chosen = (f"worker={worker}", f"worker.sampling={sampling}", *_beside("worker", worker), *server)
                yield f"worker {worker} {sampling} {delay}", (*chosen, f"delay={delay}", "attack=label_flip")
        for name in ("kardam", "ringmaster_stop"):
            chosen = (f"worker={worker}", *_beside("worker", worker), f"aggregator={name}", "attack=lie")
            yield f"worker {worker} {name}", chosen
        yield f"worker {worker} n=1", (f"worker={worker}", *_beside("worker", worker), *server, "num_workers=1",
                                       "num_byzantine=0")  # fmt: skip
    yield "worker delta without", ("worker=delta", "aggregator=asgd")
    yield "worker storm deliveries", ("worker=storm", "worker.beta=null", "aggregator=weighted_rfa",
                                      "optimizer=anytime")  # fmt: skip
    yield "worker momentum dynsgd", ("worker=momentum", "aggregator=dynsgd", "attack=lie")
    yield "worker momentum basgd", ("worker=momentum", "aggregator=basgd", "attack=lie")


def _engines() -> Iterator[Case]:
    for engine in ("auto", "fused", "loop", "vmap"):
        for dtype in ("float32", "float64"):
            chosen = (f"engine={engine}", f"dtype={dtype}")
            for server, delay in (("kardam", "exponential"), ("krum", "normal"), ("ringmaster_stop", "pareto"),
                                  ("asgd", "d2")):  # fmt: skip
                parts = (f"aggregator={server}", f"delay={delay}", "attack=lie")
                yield f"engine {engine} {dtype} {server} {delay}", (*chosen, *parts)
            yield f"engine {engine} {dtype} label_flip", (*chosen, "aggregator=asgd", "attack=label_flip")
            yield f"engine {engine} {dtype} in_flight", (*chosen, "attack=ipm", "knowledge=in_flight")
            yield f"engine {engine} {dtype} storm", (*chosen, "worker=storm", "aggregator=asgd")
        yield f"engine {engine} local_steps", (f"engine={engine}", "worker=local_steps", "worker.lr=.01",
                                               "aggregator=fedbuff")  # fmt: skip
        yield f"engine {engine} n=50", (f"engine={engine}", "num_workers=50", "attack=lie")
        yield f"engine {engine} small memory", (f"engine={engine}", "engine.max_in_flight_bytes=30000")
        yield f"engine {engine} quadratic", (f"engine={engine}", "dataset=quadratic", "dataset.d=20")


def _problems() -> Iterator[Case]:
    for dataset, beside in PROBLEMS.items():
        for server in ("asgd", "kardam"):
            for dtype in ("float32", "float64"):
                chosen = (f"dataset={dataset}", *beside, f"aggregator={server}", f"dtype={dtype}", "attack=lie")
                yield f"problem {dataset} {server} {dtype}", chosen
    for partition in (*PARTITIONS, "by_writer"):
        for server in ("kardam", "trimmed_mean"):
            chosen = (f"partition={partition}", f"aggregator={server}", "num_workers=10", "num_byzantine=2")
            yield f"partition {partition} {server}", (*chosen, "attack=mimic")
    for model in ("logistic_regression", "linear"):
        yield f"model {model}", (f"model={model}", "attack=lie")
    for activation in ("relu", "elu", "tanh", "gelu"):
        yield f"model mlp {activation}", ("model=mlp", "model.widths=[12,8]", f"model.activation={activation}")


def _optimizers() -> Iterator[Case]:
    for name, chosen in {
        "momentum": ("optimizer.momentum=.9",),
        "nesterov": ("optimizer.momentum=.9", "optimizer.nesterov=true"),
        "weight_decay": ("optimizer.weight_decay=.01",),
        "anytime": ("optimizer=anytime",),
        "anytime of the theory": ("optimizer=anytime", "optimizer.share=null"),
        "cosine": ("optimizer/schedule=cosine", "optimizer.schedule.total=40"),
        "inverse_power": ("optimizer/schedule=inverse_power",),
        "step": ("optimizer/schedule=step", "optimizer.schedule.milestones=[10,20]"),
        "anytime step": ("optimizer=anytime", "optimizer/schedule=step", "optimizer.schedule.milestones=[10,20]"),
    }.items():
        for server in ("kardam", "krum", "dc_asgd"):
            yield f"optimizer {name} {server}", (*chosen, f"aggregator={server}", "attack=lie")
    for server in ("asgd", "krum", "kardam"):
        yield f"diverged {server}", (f"aggregator={server}", "optimizer.lr=1e30", "attack=reversed")
    yield "diverged least_squares", ("dataset=least_squares", "dataset.d=20", "dataset.n=500", "optimizer.lr=100.0",
                                     "aggregator=asgd", "budget.arrivals=400")  # fmt: skip


def _metrics() -> Iterator[Case]:
    for server in ("kardam", "krum", "asgd", "quorum", "ringmaster_stop", "weighted_rfa", "basgd", "throttle"):
        yield f"study {server}", (f"aggregator={server}", "metrics.study=true", "attack=lie")
    yield "study d1", ("metrics.study=true", "delay=d1", "attack=lie")
    yield "all metrics", ("metrics.gradient_norm=true", "metrics.validation=true", "metrics.per_class=true",
                          "metrics.dissimilarity=true", "dataset.validation_share=.1", "attack=backdoor")  # fmt: skip


def _sizes() -> Iterator[Case]:
    for server in ("asgd", "kardam", "krum", "fedbuff", "throttle", "ringmaster", "ringmaster_stop", "mifa", "mean"):
        for delay in ("exponential", "staleness_geometric"):
            chosen = (f"aggregator={server}", f"delay={delay}", "num_workers=1", "num_byzantine=0")
            yield f"n=1 {server} {delay}", chosen
    for seed in (1, 2, 3):
        yield f"seed {seed}", (f"seed={seed}", "attack=lie")
    yield "long", ("budget.arrivals=1500", "eval_every=300", "attack=lie")
    yield "f below", ("f=1", "attack=lie")


def _cut() -> Iterator[Case]:
    """Runs that are stopped some time after their first checkpoint and then go on, see `cut_and_resumed`."""
    long = ("budget.arrivals=1500", "checkpoint_every=50", "attack=lie")
    for server, delay in (("kardam", "exponential"), ("krum", "normal"), ("ringmaster_stop", "pareto"),
                          ("throttle", "exponential"), ("fedbuff", "d1"), ("asgd", "lognormal")):  # fmt: skip
        yield f"cut {server} {delay}", (*long, f"aggregator={server}", f"delay={delay}")
    yield "cut momentum study", (*long, "worker=momentum", "aggregator=dynsgd", "metrics.study=true")


def cases() -> dict[str, tuple[str, ...]]:
    """Every run by its name, with all of its overrides."""
    families = (_servers, _attacks, _times, _workers, _engines, _problems, _optimizers, _metrics, _sizes, _cut)
    found: dict[str, tuple[str, ...]] = {}
    for name, overrides in (case for family in families for case in family()):
        assert name not in found, f"two runs are named {name}"
        keys = {override.partition("=")[0] for override in overrides}
        others = {"dataset" for each in GENERATED if f"dataset={each}" in overrides}
        others |= {"engine" for each in ("loop", "fused", "vmap") if f"engine={each}" in overrides}
        common = (*COMMON, *(word for group, word in OF_0_1.items() if group not in others))
        found[name] = (*(each for each in common if each.partition("=")[0] not in keys), *overrides)
    return found


def write_files(folder: Path) -> None:
    """Seconds of jobs and windows of availability for 15 workers."""
    jobs = [f"{worker},{serial},{1 + (7 * worker + 3 * serial) % 5 / 4}" for worker in range(15) for serial in range(6)]
    (folder / "jobs.csv").write_text("\n".join(("worker,serial,seconds", *jobs)) + "\n", encoding="utf-8")
    windows = [f"{worker},{start},{start + 8}" for worker in range(15) for start in range(worker % 3, 60, 10)]
    (folder / "windows.csv").write_text("\n".join(("worker,start,finish", *windows)) + "\n", encoding="utf-8")


def frame_hash(frame: pl.DataFrame) -> str:
    """BLAKE2b over the names, types, nulls and bits of all columns, in their order."""
    state = blake2b(digest_size=16)
    for column in frame.iter_columns():
        state.update(f"{column.name}:{column.dtype}:{len(column)};".encode())
        state.update(column.is_null().to_numpy().tobytes())
        if column.dtype.is_numeric():
            state.update(column.fill_null(0).to_numpy().tobytes())
        else:
            state.update(json.dumps(column.to_list(), default=str).encode())
    return state.hexdigest()


def params_hash(folder: Path) -> str | None:
    """BLAKE2b over the type, shape and bits of the final model; None: the run left none."""
    path = folder / "params.safetensors"
    if not path.exists():
        return None
    with safe_open(path, framework="np") as file:
        params = file.get_tensor("params")
    return blake2b(f"{params.dtype}{params.shape}".encode() + params.tobytes(), digest_size=16).hexdigest()


def hashes(run: Any, folder: Path) -> dict[str, Any]:
    """What a run left, in hashes."""
    return {
        "status": run.info["status"],
        "rows": len(run.arrivals),
        "arrivals": frame_hash(run.arrivals),
        "metrics": frame_hash(run.metrics.drop("bits_up", "bits_down", strict=False)),  # later than most records
        "params": params_hash(folder),
        "id": run_id(run.config) if run_id is not None else None,
    }


def cut_and_resumed(experiment: Any, folder: Path) -> Any:
    """Asks the run to stop (SIGINT) as soon as it has saved something, then lets it go on to its end."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            if list(folder.glob("checkpoints/*.safetensors")):
                os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.001)

    watcher = threading.Thread(target=ask)
    watcher.start()
    try:
        experiment.run(folder=folder)
    except KeyboardInterrupt:
        pass
    else:
        raise RuntimeError("the run ended before it could be stopped")
    finally:
        ended.set()
        watcher.join()
    assert byzsgd.load(folder).info["status"] == "interrupted"
    return experiment.run(folder=folder)


def record(name: str, overrides: Sequence[str], folder: Path) -> dict[str, Any]:
    """The hashes of one run, or the sentence with which it is refused."""
    try:
        experiment = byzsgd.experiment(*overrides)
        run = cut_and_resumed(experiment, folder) if name.startswith("cut ") else experiment.run(folder=folder)
        return hashes(run, folder)
    except ValueError as error:
        return {"refused": str(error)}
    except Exception as error:  # a finding of its own, and no reason to end the others
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"}


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One line for every run that is not the same; a run id is only compared where both sides have one."""
    lines = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            lines.append(f"{name}: only {'after' if name in new else 'before'} the change")
            continue
        before, after = old[name], new[name]
        said, says = ([word for word in each["overrides"] if word not in OF_0_1] for each in (before, after))
        if said != says:
            lines.append(f"{name}: other overrides")
        keys = [key for key in {**before, **after} if key != "overrides" and before.get(key) != after.get(key)]
        keys = [key for key in keys if key != "id" or (before.get(key) and after.get(key))]
        if keys:
            lines.append(f"{name}: " + ", ".join(f"{key} {before.get(key)} -> {after.get(key)}" for key in keys))
    return lines


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", type=re.compile, help="a regular expression that names must match somewhere")
    parser.add_argument("--against", type=Path, help="an earlier record to compare with")
    parsed = parser.parse_args(arguments)
    old = json.loads(parsed.against.read_text(encoding="utf-8")) if parsed.against else {}
    chosen = {name: each for name, each in cases().items() if parsed.only is None or parsed.only.search(name)}
    out, home, began = parsed.out.resolve(), Path.cwd(), time.perf_counter()
    found = {}
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)  # so that the files have the same names in every configuration
        try:
            write_files(Path())
            for number, (name, overrides) in enumerate(chosen.items()):
                found[name] = {"overrides": list(overrides), **record(name, overrides, Path(f"run-{number}"))}
        finally:
            os.chdir(home)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    refused = sum("refused" in each for each in found.values())
    failed = sum("failed" in each for each in found.values())
    print(f"{len(found) - refused - failed} runs, {refused} refused, {failed} failed, "
          f"{time.perf_counter() - began:.0f} s")  # fmt: skip
    if parsed.against is None:
        return 0
    if parsed.only is not None:
        old = {name: each for name, each in old.items() if parsed.only.search(name)}
    lines = differences(old, found)
    print("\n".join(lines) if lines else f"all {len(found)} are equal to {parsed.against}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
