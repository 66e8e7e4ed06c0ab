"""A run that is killed and resumed ends with the same bytes as one that was left alone. More moments: kill.py."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import kill
import numpy as np
import pytest
from thinning import one_in

import byzsgd
from byzsgd.cli import main
from byzsgd.config.catalogue import members
from byzsgd.run.engine_path import SHORT

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
ATTACKS = [member.name for member in members("attack") if member.name != "dissensus"]  # that one needs neighbours
DELAYS = [member.name for member in members("delay")]
AVAILABILITIES = [member.name for member in members("delay/availability")]
WORKERS = [member.name for member in members("worker") if member.name != "delta"]  # that one comes with mifa
IN_FILES = ("cifar10", "cifar100", "emnist", "fashion_mnist", "mnist", "svhn")
DATASETS = [member.name for member in members("dataset") if member.name not in IN_FILES]
SCHEMES = {
    "coded": ("num_workers=15", "scheme/code=cyclic", "delay/communication=link", "delay.communication.bandwidth=1e5"),
    "coded_draco_cyclic": ("num_workers=15", "scheme/code=draco_cyclic", "f=3", "attack=gaussian"),
    "coded_away": ("num_workers=15", "delay/availability=bernoulli"),
    "tree": ("num_workers=12", "scheme.children=3", "delay/communication=link", "delay.communication.bandwidth=1e5"),
    "ring_allreduce": ("num_workers=15", "worker.sampling=full", "batch_size=null"),
}
COMPRESSED = {
    "at_workers": ("aggregator=kardam", "compressor=top_k", "compressor.feedback=true", "metrics.study=true"),
    "at_the_server": ("aggregator=sign_vote", "aggregator.feedback=votes", "attack=vote_flip", "compressor.bound=max",
                      "compressor=stochastic_sign", "metrics.study=true"),
    "at_both": ("aggregator=sign_vote", "aggregator.feedback=l1", "compressor=sign", "compressor.feedback=true"),
}  # fmt: skip
OFTEN = [pytest.param(2, id="2"), pytest.param(20, id="20", marks=pytest.mark.slow)]


@pytest.fixture
def files(tmp_path):
    """What some members need beside their name: a trace, windows of availability, a table, a text; smaller steps."""
    chance = random.Random(0)
    jobs = [f"{worker},{serial},{chance.uniform(1, 3)}" for worker in range(15) for serial in range(20)]
    (tmp_path / "trace.csv").write_text("\n".join(["worker,serial,seconds", *jobs]))
    windows = [f"{worker},{start},{start + 8}" for worker in range(15) for start in range(worker % 3, 60, 10)]
    (tmp_path / "windows.csv").write_text("\n".join(["worker,start,finish", *windows]))
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "table.npz", inputs=draw.random((400, 4)), targets=np.arange(400) % 3)
    (tmp_path / "text.txt").write_text("".join(chance.choice("abcdefgh \n") for _ in range(4000)))
    return {
        "delay=trace": [f"delay.path={tmp_path / 'trace.csv'}"],
        "delay/availability=trace": [f"delay.availability.path={tmp_path / 'windows.csv'}"],
        "dataset=tensor_file": [f"dataset.file={tmp_path / 'table.npz'}"],
        "dataset=text_char": [f"dataset.file={tmp_path / 'text.txt'}", "model=char_lstm"],
        "worker=local_steps": ["worker.lr=.001"],
        "dataset=phase_retrieval": ["optimizer.lr=.001"],  # it diverges beyond
    }


def clocks_and_problems():
    """Every clock once, and with them every availability, dataset and worker rule in turn."""
    for place, delay in enumerate(DELAYS):
        others = [("delay/availability", AVAILABILITIES), ("dataset", DATASETS), ("worker", WORKERS)]
        yield (f"delay={delay}", *(f"{group}={names[place % len(names)]}" for group, names in others))


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


def test_killed_and_resumed_as_people_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    overrides = (*COMMON, "aggregator=kardam")
    assert main(["train", *overrides, "hydra.run.dir=whole"]) == 0
    killed_and_resumed(tmp_path / "cut", overrides, 1, random.Random(1))
    assert kill.left(tmp_path / "cut") == kill.left(tmp_path / "whole")


@pytest.mark.parametrize("moments", OFTEN)
@pytest.mark.parametrize("place", one_in(8, range(len(SERVERS))), ids=SERVERS)
def test_every_server_survives(place, moments, tmp_path):
    setting = kill.composed([f"aggregator={SERVERS[place]}", f"attack={ATTACKS[place % len(ATTACKS)]}"])
    assert kill.differences(setting, tmp_path, moments, seed=place) == (moments, [])


@pytest.mark.parametrize("moments", OFTEN)
@pytest.mark.parametrize("overrides", one_in(8, clocks_and_problems()), ids=" ".join)
def test_every_clock_and_problem_survives(overrides, moments, tmp_path, files):
    words = [word for each in overrides for word in (each, *files.get(each, ()))]
    if byzsgd.experiment(overrides[0], *files.get(overrides[0], ())).delay.prescribed:
        words = [word for word in words if not word.startswith("delay/") and not word.startswith("delay.av")]
    setting = kill.composed(["aggregator=asgd", *words])
    assert kill.differences(setting, tmp_path, moments, seed=1) == (moments, [])


@pytest.mark.parametrize("moments", OFTEN)
@pytest.mark.parametrize("engine", [member.name for member in members("engine") if member.name != "auto"])
def test_every_engine_survives(engine, moments, tmp_path):
    setting = kill.composed(["aggregator=krum", "attack=ipm", "knowledge=in_flight", f"engine={engine}"])
    assert kill.differences(setting, tmp_path, moments, seed=2) == (moments, [])


@pytest.mark.parametrize("moments", [OFTEN[0], pytest.param(50, id="50", marks=pytest.mark.slow)])
@pytest.mark.parametrize("server", ["kardam", pytest.param("krum", marks=pytest.mark.slow)])
def test_the_switch_to_compiled_code_survives(server, moments, tmp_path):
    """Killed before, at and behind the arrival from which compiled code plays, which is one with a checkpoint."""
    pytest.importorskip("numba")
    length = (f"budget.arrivals={SHORT + 160}", "checkpoint_every=20")
    setting = kill.composed([f"aggregator={server}", "attack=lie", *length])
    assert kill.differences(setting, tmp_path, moments, seed=9) == (moments, [])


@pytest.mark.parametrize("moments", OFTEN)
@pytest.mark.parametrize("scheme", ["d_psgd", "ad_psgd"])
def test_nodes_without_a_server_survive(scheme, moments, tmp_path):
    codes = ("scheme/exchange=moniqua", "scheme.exchange.rounding=stochastic", "num_byzantine=0")
    assert kill.differences(kill.composed([f"scheme={scheme}", *codes]), tmp_path, moments, seed=7) == (moments, [])


@pytest.mark.parametrize("moments", OFTEN)
def test_what_a_study_remembers_survives(moments, tmp_path):
    setting = kill.composed(["aggregator=kardam", "attack=lie", "metrics.study=true"])
    assert kill.differences(setting, tmp_path, moments, seed=6) == (moments, [])


@pytest.mark.slow
@pytest.mark.parametrize("settings", COMPRESSED.values(), ids=COMPRESSED)
def test_feedback_survives(settings, tmp_path):
    assert kill.differences(kill.composed(settings), tmp_path, 20, seed=8) == (20, [])


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_with_redundancy_survives(name, tmp_path):
    scheme = name.partition("_")[0] if name.startswith("coded") else name
    setting = kill.composed([f"scheme={scheme}", *SCHEMES[name]])
    assert kill.differences(setting, tmp_path, 20, seed=7) == (20, [])


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_survives(attack, tmp_path):
    setting = kill.composed(["aggregator=kardam", f"attack={attack}"])
    assert kill.differences(setting, tmp_path, 20, seed=3) == (20, [])


@pytest.mark.slow
@pytest.mark.parametrize("dataset", DATASETS)
def test_every_problem_survives(dataset, tmp_path, files):
    setting = kill.composed(["aggregator=kardam", f"dataset={dataset}", *files.get(f"dataset={dataset}", ())])
    assert kill.differences(setting, tmp_path, 20, seed=4) == (20, [])


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_data_in_files_survive(dataset, tmp_path):
    if "BYZSGD_DATA" not in os.environ:
        pytest.skip("BYZSGD_DATA is not set")
    setting = kill.composed(["aggregator=kardam", f"dataset={dataset}", "model=linear"])
    assert kill.differences(setting, tmp_path, 3, seed=5) == (3, [])


@pytest.mark.parametrize(
    ("server", "delay"),
    [("kardam", "exponential"), ("kardam", "d1"), ("krum", "normal"), ("ringmaster_stop", "pareto")],
)
def test_stopped_after_every_stretch(server, delay, tmp_path, monkeypatch):
    """In one process, so that many moments cost little: the run stops itself (as SIGINT does) every 41 arrivals."""
    overrides = (*COMMON, f"aggregator={server}", f"delay={delay}", "budget.arrivals=150")
    byzsgd.experiment(*overrides).run(tmp_path / "whole")
    seen = iter(range(1, 10**6))
    from contextlib import contextmanager

    @contextmanager
    def now_and_then():
        yield lambda: next(seen) % 41 == 0

    monkeypatch.setattr("byzsgd.run.experiment.stop_signals", now_and_then)
    for _ in range(50):
        try:
            byzsgd.experiment(*overrides).run(tmp_path / "cut")
            break
        except KeyboardInterrupt:
            assert byzsgd.load(tmp_path / "cut").info["status"] == "interrupted"
    assert kill.left(tmp_path / "cut") == kill.left(tmp_path / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_request_to_stop_saves_where_it_was(number, tmp_path):
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
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert errors.count("\n") == 1
    run = byzsgd.load(folder)
    assert run.info["status"] == "interrupted"
    assert len(list((folder / "checkpoints").iterdir())) == 1
    assert len(run.arrivals) > 0
