"""The examples of docs/problems.md, run as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    """One's own dataset as the page tells to write it."""
    page = (REPOSITORY / "docs/problems.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(python|yaml)\n(.*?)```", page, flags=re.DOTALL)
    assert [kind for kind, _ in blocks] == ["python", "python", "yaml"]
    (tmp_path / "rings.py").write_text(blocks[0][1])
    (tmp_path / "notebook.py").write_text(blocks[1][1].replace("3000", "600"))
    (tmp_path / "conf/dataset").mkdir(parents=True)
    (tmp_path / "conf/dataset/rings.yaml").write_text(blocks[2][1])
    return tmp_path


def run(folder, *words):
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY}"}
    return subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)


def test_in_a_notebook(folder):
    done = run(folder, "notebook.py")
    assert done.returncode == 0 and 0.4 < float(done.stdout) <= 1.0, done.stderr


def test_on_the_command_line(folder):
    done = run(folder, "-m", "byzsgd", "train", f"hydra.searchpath=[file://{folder}/conf]", "dataset=rings",
               "plugins=[rings]", "budget.arrivals=300", "hydra.run.dir=out")  # fmt: skip
    assert done.returncode == 0 and "test accuracy" in done.stdout, done.stderr + done.stdout
