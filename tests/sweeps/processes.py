"""Sweeps as processes of their own, which can be killed; and what their folders hold."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 900  # seconds; only reached when something is wrong
COMMON = ("num_workers=7", "num_byzantine=1", "batch_size=8", "eval_every=100", "checkpoint_every=100")

SIX = (
    "train",
    "-m",
    "aggregator=asgd,krum,kardam",
    "seed=0,1",
    "budget.arrivals=500",
    *COMMON,
    "hydra.sweep.dir=sweep",
)
SIXTY = (
    *("train", "-m", "aggregator=asgd,krum,kardam,basgd,trimmed_mean", "attack=none,lie,sign_flip", "seed=range(4)"),
    *("budget.arrivals=300", *COMMON, "hydra.sweep.dir=sweep"),
)


@contextmanager
def started(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`byzsgd <arguments>` in a folder; with all of its own processes it does not outlive the test."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "byzsgd", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL for the process and its workers."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code and everything that was said."""
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until it holds, or the process has ended."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def done(sweep: Path) -> list[Path]:
    """The folders of its finished runs."""
    return sorted(path.parent for path in sweep.glob("*/DONE"))


def prints(folders: list[Path]) -> dict[Path, int]:
    """When each record was last written to: what is computed again is written again."""
    names = ("DONE", "info.json", "metrics.jsonl", "params.safetensors", "config.yaml")
    return {folder / name: (folder / name).stat().st_mtime_ns for folder in folders for name in names}


def killed_midway_and_started_again(command, jobs, after, folder, extra=()):
    """Kills the sweep once `after` jobs have finished, starts it again, and says what was done then."""
    sweep = folder / "sweep"
    with started(*command, *extra, folder=folder) as process:
        wait_until(lambda: len(done(sweep)) >= after, process)
        kill(process)
    finished = done(sweep)
    assert after <= len(finished) < jobs
    before = prints(finished)
    with started(*command, *extra, folder=folder) as process:
        code, output = ended(process)
    assert code == 0, output
    assert prints(finished) == before
    assert len(done(sweep)) == jobs
    assert output.count("done before") == len(finished), output
    return output
