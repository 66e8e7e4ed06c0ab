"""A run that is killed and resumed ends with the same bytes as one that was left alone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import byzsgd
from byzsgd.catalogue import members
from byzsgd.cli import main

ROOT = Path(__file__).resolve().parents[2]
COMMON = (
    "budget.arrivals=900",
    "eval_every=100",
    "checkpoint_every=60",
    "batch_size=8",
    "attack=lie",
    "num_workers=15",
    "metrics.study=true",
)
SERVERS = [member.name for member in members("aggregator")]
SETTINGS = [
    ("aggregator=kardam",),
    ("aggregator=asgd", "delay=d1", "optimizer.momentum=.9", "attack=gaussian"),
    ("aggregator=trimmed_mean", "dataset=least_squares", "knowledge=in_flight", "attack=ipm"),
]


def bytes_of(folder: Path) -> dict[str, bytes]:
    """The model and the records, less wall times."""
    run = byzsgd.load(folder)
    return {
        "params": (folder / "params.safetensors").read_bytes(),
        "metrics": (folder / "metrics.jsonl").read_bytes(),
        "arrivals": run.arrivals.write_csv().encode(),
        "config": (folder / "config.yaml").read_bytes(),
    }


def killed_and_resumed(folder: Path, overrides: tuple[str, ...], moments: int, chance: random.Random) -> int:
    """Starts the run, kills it and resumes it, `moments` times; then lets it end. Returns how often it was killed."""
    kills = 0
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "byzsgd", "train", *overrides, f"hydra.run.dir={folder}"]
    for _ in range(moments):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and not (folder / "info.json").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.6))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        if (folder / "DONE").exists():
            break
        byzsgd.load(folder)  # readable as it is
    assert main(["resume", str(folder)]) == 0
    return kills


@pytest.mark.parametrize("overrides", SETTINGS, ids=" ".join)
def test_killed_at_three_moments(overrides, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    overrides = (*COMMON, *overrides)
    assert main(["train", *overrides, "hydra.run.dir=whole"]) == 0
    killed_and_resumed(tmp_path / "cut", overrides, 3 if "aggregator=kardam" in overrides else 1, random.Random(1))
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
def test_killed_at_many_moments(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    overrides = (*COMMON, f"aggregator={server}", "budget.arrivals=3000")
    assert main(["train", *overrides, "hydra.run.dir=whole"]) == 0
    killed_and_resumed(tmp_path / "cut", overrides, 20, random.Random(2))
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")


@pytest.mark.parametrize(
    ("server", "delay"), [*((server, "exponential") for server in SERVERS), ("kardam", "d1"), ("krum", "normal")]
)
def test_stopped_after_every_stretch(server, delay, tmp_path, monkeypatch):
    """In one process, so that many moments cost little: the run stops itself (as SIGINT does) every 41 arrivals."""
    from byzsgd import session

    overrides = (*COMMON, f"aggregator={server}", f"delay={delay}", "budget.arrivals=150")
    byzsgd.experiment(*overrides).run(tmp_path / "whole")
    seen = iter(range(1, 10**6))
    from contextlib import contextmanager

    @contextmanager
    def now_and_then():
        yield lambda: next(seen) % 41 == 0

    monkeypatch.setattr(session, "stop_signals", now_and_then)
    for _ in range(50):
        try:
            byzsgd.experiment(*overrides).run(tmp_path / "cut")
            break
        except KeyboardInterrupt:
            assert byzsgd.load(tmp_path / "cut").info["status"] == "interrupted"
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")


def test_ctrl_c_saves_where_it_was(tmp_path):
    folder = tmp_path / "run"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "byzsgd",
        "train",
        "budget.arrivals=200000",
        "checkpoint_every=200000",
        f"hydra.run.dir={folder}",
    ]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (folder / "info.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert errors.count("\n") == 1
    run = byzsgd.load(folder)
    assert run.info["status"] == "interrupted"
    assert len(list((folder / "checkpoints").iterdir())) == 1
    assert len(run.arrivals) > 0
