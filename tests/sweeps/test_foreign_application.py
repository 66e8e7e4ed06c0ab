"""Another application of Hydra beside byzsgd: its sweeps are its own, and byzsgd's launchers say whose they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
APPLICATION = """
import hydra

@hydra.main(version_base=None, config_path="conf", config_name="own")
def main(config):
    print("x is", config.x)

main()
"""


@pytest.fixture
def application(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/own.yaml").write_text("x: 1\n")
    (tmp_path / "application.py").write_text(APPLICATION)

    def run(*words):
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "application.py", "-m", "x=1,2", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def test_its_sweeps_are_its_own(application):
    done = application()
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("x is")] == ["x is 1", "x is 2"]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["lanes", "ray"])
def test_our_launchers_say_whose_they_are(application, launcher):
    done = application(f"hydra/launcher={launcher}")
    assert done.returncode == 1
    sentence = f"hydra/launcher={launcher} needs an experiment of byzsgd, whose launcher it is; got another application"
    assert sentence in done.stderr
