"""Sweeps that are killed with SIGKILL, over every launcher, by two processes at once, and under a limit of memory: the
same command goes on, and what it leaves is what a sweep left alone leaves, to the bit."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import kills
import pytest

ENOUGH = 6 * 2**30  # bytes: PyTorch maps far more than it uses


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What the sweep leaves that nobody kills."""
    return kills.ended("basic", tmp_path_factory.mktemp("alone"))


@pytest.mark.slow
@pytest.mark.parametrize(("launcher", "memory"), [*((name, None) for name in kills.LAUNCHERS), ("basic", ENOUGH)])
def test_killed_and_started_again(launcher, memory, alone, tmp_path):
    if launcher in kills.PACKAGES:
        pytest.importorskip(kills.PACKAGES[launcher], reason=f"pip install 'byzsgd[{launcher}]'")
    assert kills.killed(launcher, 8, tmp_path, random.Random(0), alone, memory) >= 8


@pytest.mark.slow
def test_rays_ports_are_of_this_machine_and_of_this_run(tmp_path):
    """What Ray runs is code: who does not know the token of the run is refused, and nobody from outside is heard."""
    pytest.importorskip("ray", reason="pip install 'byzsgd[ray]'")
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
    slow = os.environ | {"RAY_raylet_start_wait_time_s": "300"}  # on a busy machine
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path, env=slow
    )
    assert "at 127.0.0.1:" in found.stdout, found.stderr
    assert found.stdout.splitlines()[1:] == ["token True", "disabled False", "wrong False"], found.stdout
