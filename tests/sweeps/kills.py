"""Sweeps that are killed with SIGKILL at random moments, over every launcher, also two processes on one sweep: started
again, they leave what a sweep leaves that nobody kills, to the bit.

    python tests/sweeps/kills.py [--kills 200] [LAUNCHER ...]        as many, dealt to the launchers

Every sweep is a process of its own, forked from a server that has everything loaded, so that a kill costs little. The
moment is counted in files that came into being, and some milliseconds more.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import byzsgd
from byzsgd.cli import main as byzsgd_main

PATIENCE = 600  # seconds; only reached when something is wrong
LINGER = 0.02  # seconds at most between the moment and the kill
FARTHEST = 8  # files at most between a start and its kill
SWEEP = (
    *("train", "-m", "aggregator=asgd,krum,kardam", "seed=0,1", "budget.arrivals=300", "num_workers=7"),
    *("num_byzantine=1", "batch_size=8", "eval_every=100", "checkpoint_every=100", "hydra.sweep.dir=sweep"),
)
RUNS = 6
LAUNCHERS = {
    "basic": (),
    "lanes": ("hydra/launcher=lanes",),
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "ray": ("hydra/launcher=ray", "+hydra.launcher.init.num_cpus=2"),
}
PACKAGES = {"joblib": "hydra_plugins.hydra_joblib_launcher", "ray": "ray"}

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["byzsgd.cli", "byzsgd.run.experiment", "byzsgd.records.checkpoints",
                                 "byzsgd.config.compose", "byzsgd.console.run_screen"])  # fmt: skip


def live(launcher: str, folder: str, memory: int | None) -> None:
    """In a process of its own, with so many bytes of addresses: the sweep, or what is left of it."""
    os.setsid()
    os.environ |= {"RAY_raylet_start_wait_time_s": str(PATIENCE)}  # on a busy machine
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    os.chdir(folder)
    said = os.open("said", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(said, stream)
    sys.exit(byzsgd_main([*SWEEP, *LAUNCHERS[launcher]]))


def started(launcher: str, folder: Path, memory: int | None = None) -> Any:
    process = _forking.Process(target=live, args=(launcher, str(folder), memory))
    process.start()
    return process


def ended(launcher: str, folder: Path, memory: int | None = None) -> dict[str, bytes | str]:
    """Lets the sweep end, and says what it left."""
    late = time.monotonic() + PATIENCE
    while len(list((folder / "sweep").glob("*/DONE"))) < RUNS:
        assert time.monotonic() < late, (folder / "said").read_text()
        process = started(launcher, folder, memory)  # again: Ray's workers outlive their driver, and hold their runs
        process.join(PATIENCE)
        said = (folder / "said").read_text()
        assert process.exitcode == 0, said
        assert "Traceback" not in said, said
    return left(folder / "sweep")


def left(sweep: Path) -> dict[str, bytes | str]:
    """What every run left: its model and rows, by the name of its folder."""
    names = ("metrics.jsonl", "params.safetensors", "config.yaml")
    runs = sorted(path.parent for path in sweep.glob("*/DONE"))
    files = {f"{run.name}/{name}": (run / name).read_bytes() for run in runs for name in names}
    return files | {run.name: byzsgd.load(run).arrivals.write_csv() for run in runs}


def killed(
    launcher: str,
    kills: int,
    place: Path,
    chance: random.Random,
    alone: dict[str, bytes | str],
    memory: int | None = None,
) -> int:
    """Kills so many sweeps in folders below `place`, and holds what they leave, started again, against `alone`."""
    done = 0
    while done < kills:
        folder = Path(tempfile.mkdtemp(dir=place))
        over = 0
        while done + over < kills and (now := _killed_once(launcher, folder, chance, memory)):
            over += now
        assert ended(launcher, folder, memory) == alone, f"{folder} differs after {over} kills"
        done += over
    return done


def _killed_once(launcher: str, folder: Path, chance: random.Random, memory: int | None) -> int:
    """How many processes were killed: one or two; none where the sweep had its end before."""
    seen, soon, late = _names(folder), chance.randint(1, FARTHEST), time.monotonic() + PATIENCE
    processes = [started(launcher, folder, memory) for _ in range(chance.choice((1, 1, 2)))]
    while any(each.is_alive() for each in processes) and len(_names(folder) - seen) < soon:
        assert time.monotonic() < late, (folder / "said").read_text()
        time.sleep(0.005)
    time.sleep(chance.uniform(0, LINGER))
    hit = [each for each in processes if each.is_alive()]
    for each in hit:
        os.killpg(each.pid, signal.SIGKILL)
    for each in processes:
        each.join()
        assert each.exitcode in (0, -signal.SIGKILL), (folder / "said").read_text()
    return sum(each.exitcode == -signal.SIGKILL for each in hit)


def _names(folder: Path) -> set[str]:
    return {str(path) for path in (folder / "sweep").rglob("*")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("launchers", nargs="*", default=list(LAUNCHERS))
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        whole = Path(place) / "whole"
        whole.mkdir()
        alone = ended("basic", whole)
        for number, launcher in enumerate(parsed.launchers):
            share = len(range(number, parsed.kills, len(parsed.launchers)))
            done = killed(launcher, share, Path(place), random.Random(number), alone)
            print(f"{launcher}: {done} kills, equal bits", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
