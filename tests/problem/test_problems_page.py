"""The examples of docs/problems.md, run as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import byzsgd
from byzsgd.cli import main

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


@pytest.mark.slow
def test_in_a_notebook(folder):
    done = run(folder, "notebook.py")
    assert done.returncode == 0 and 0.4 < float(done.stdout) <= 1.0, done.stderr


def test_on_the_command_line(folder):
    done = run(folder, "-m", "byzsgd", "train", f"hydra.searchpath=[file://{folder}/conf]", "dataset=rings",
               "plugins=[rings]", "budget.arrivals=300", "hydra.run.dir=out")  # fmt: skip
    assert done.returncode == 0 and "test accuracy" in done.stdout, done.stderr + done.stdout


def test_from_a_file(folder, monkeypatch, capsys):
    """Every command of the page that reads a file of the user's, on a small one."""
    monkeypatch.chdir(folder)
    draw = np.random.default_rng(0)
    classes = draw.integers(3, size=300)
    (folder / "own.txt").write_text("she sells sea shells by the sea shore; " * 40, encoding="utf-8")
    page = (REPOSITORY / "docs/problems.md").read_text(encoding="utf-8")
    commands = [line.split()[2:] for line in page.splitlines() if re.match(r"    byzsgd train .*dataset.file=", line)]
    assert [words[0] for words in commands] == ["dataset=tensor_file", "dataset=tensor_file", "dataset=text_char"]
    for number, words in enumerate(commands):
        targets = draw.random((300, 2)) if "dataset.task=regression" in words else classes
        np.savez(folder / "own.npz", inputs=draw.random((300, 4)) + classes[:, None], targets=targets)
        small = ("budget.arrivals=150", "batch_size=8", "eval_every=150", f"hydra.run.dir=out{number}")
        assert main(["train", *words, *small]) == 0, capsys.readouterr().err
        losses = byzsgd.load(folder / f"out{number}").metrics["train_loss"]
        assert losses[-1] < losses[0]
