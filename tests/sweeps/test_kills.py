"""Sweeps that are killed with SIGKILL, over every launcher, by two processes at once, and under a limit of memory: the
same command goes on, and what it leaves is what a sweep left alone leaves, to the bit."""

from __future__ import annotations

import random

import pytest
from processes import SIX, done, ended, kill, started, wait_until

import byzsgd

SHORT = tuple("budget.arrivals=300" if word.startswith("budget") else word for word in SIX)
LAUNCHERS = {
    "basic": (),
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "ray": ("hydra/launcher=ray", "hydra.launcher.init={num_cpus:2}"),
}
PACKAGES = {"joblib": "hydra_plugins.hydra_joblib_launcher", "ray": "ray"}
ENOUGH = 6 * 2**30  # bytes: PyTorch maps far more than it uses


def left(sweep):
    """What every run left: its model and rows, by the name of its folder."""
    names = ("metrics.jsonl", "params.safetensors", "config.yaml")
    files = {f"{run.name}/{name}": (run / name).read_bytes() for run in done(sweep) for name in names}
    return files | {run.name: byzsgd.load(run).arrivals.write_csv() for run in done(sweep)}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What the sweep leaves that nobody kills."""
    place = tmp_path_factory.mktemp("alone")
    with started(*SHORT, folder=place) as process:
        code, output = ended(process)
    assert code == 0, output
    return left(place / "sweep")


def launched(name):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason=f"pip install 'byzsgd[{name}]'")
    return (*SHORT, *LAUNCHERS[name])


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("count", [1, 2])
def test_killed_and_started_again(launcher, count, alone, tmp_path):
    """`count` processes on one sweep, killed after each of the first five jobs, then left alone."""
    command, sweep, chance = launched(launcher), tmp_path / "sweep", random.Random(count)
    for jobs in range(1, 6):
        with started(*command, folder=tmp_path) as one, started(*command, folder=tmp_path) as two:
            if count == 1:
                kill(two)
            wait_until(lambda jobs=jobs: len(done(sweep)) >= jobs, chance.choice([one, two][:count]))
    with started(*command, folder=tmp_path) as process:
        code, output = ended(process)
    assert code == 0, output
    assert "Traceback" not in output
    assert left(sweep) == alone


@pytest.mark.slow
def test_killed_under_a_limit_of_memory(alone, tmp_path):
    for jobs in range(1, 6):
        with started(*SHORT, folder=tmp_path, memory=ENOUGH) as process:
            wait_until(lambda jobs=jobs: len(done(tmp_path / "sweep")) >= jobs, process)
    with started(*SHORT, folder=tmp_path, memory=ENOUGH) as process:
        code, output = ended(process)
    assert code == 0, output
    assert left(tmp_path / "sweep") == alone


@pytest.mark.slow
def test_rays_ports_are_of_this_machine_and_of_this_run(tmp_path):
    """What Ray runs is code: who does not know the token of the run is refused, and nobody from outside is heard."""
    pytest.importorskip("ray", reason="pip install 'byzsgd[ray]'")
    import subprocess
    import sys

    program = """
import os, subprocess, sys
from hydra_plugins.byzsgd_ray.launcher import RayLauncher
ray = RayLauncher(None, 1.0, 0.0, 0, {"num_cpus": 1})._connected()
place = ray.get_runtime_context().gcs_address
print("at", place, flush=True)
stranger = f"import ray; ray.init({place!r}, log_to_driver=False); print(ray.get(ray.remote(lambda: 6 * 7).remote()))"
for word in ("token", "disabled"):
    environment = os.environ | {"RAY_AUTH_MODE": word}
    if word == "disabled":
        del environment["RAY_AUTH_TOKEN"]
    done = subprocess.run([sys.executable, "-c", stranger], env=environment, capture_output=True, text=True)
    print(word, "42" in done.stdout, flush=True)
wrong = os.environ | {"RAY_AUTH_TOKEN": "0" * 64}
done = subprocess.run([sys.executable, "-c", stranger], env=wrong, capture_output=True, text=True)
print("wrong", "42" in done.stdout, flush=True)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "at 127.0.0.1:" in found.stdout, found.stderr
    assert found.stdout.splitlines()[1:] == ["token True", "disabled False", "wrong False"], found.stdout
