"""TAB, in a real shell, and what it offers."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys

import pytest

from byzsgd.cli import _parser
from byzsgd.config.compose import composed, plain
from byzsgd.config.settings import settings
from byzsgd.console.completion import SHELLS, candidates

OFFERED = [
    ("byzsgd tr", ["train"]),
    ("byzsgd --ver", ["--version"]),
    ("byzsgd train attack=l", ["attack=label_flip", "attack=lie", "attack=lipschitz_hug"]),
    ("byzsgd train -m attack=lie,ip", ["attack=lie,ipm"]),
    ("byzsgd train aggregator/ru", ["aggregator/rule="]),
    ("byzsgd train attack=lie attack.z", ["attack.z="]),
    ("byzsgd train attack=none attack.z", []),
    ("byzsgd train budget.a", ["budget.arrivals="]),
    ("byzsgd train delay/communication=gamma delay.communication.sh", ["delay.communication.shape="]),
    ("byzsgd train metrics.study=", ["metrics.study=false", "metrics.study=true"]),
    ("byzsgd train --conf", ["--config-dir"]),
    ("byzsgd plot --kind ac", ["acceptance", "accuracy"]),
    ("byzsgd plot out", ["outputs/"]),
    ("byzsgd plot outputs/", ["outputs/one/"]),
    ("byzsgd list aggregator/p", ["aggregator/preaggregator"]),
    ("byzsgd completion b", ["bash"]),
    ("byzsgd nothing ", []),
]


@pytest.mark.parametrize(("line", "words"), OFFERED, ids=lambda value: str(value))
def test_what_is_offered(line, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs" / "one").mkdir(parents=True)
    assert candidates(line, _parser()) == words


@pytest.mark.parametrize("overrides", [[], ["aggregator=krum", "attack=lie"], ["experiment=quickstart", "delay=d1"]])
def test_the_settings_are_those_that_hydra_composes(overrides):
    def leaves(node, path=""):
        if not isinstance(node, dict) or not node:
            return {path} - {""}
        return {each for key, value in node.items() for each in leaves(value, f"{path}.{key}" if path else str(key))}

    config, _ = plain(composed(overrides))
    inner = {key for key in leaves(config) if any(part.startswith("_") for part in key.split("."))}
    own = {key for key in leaves(config) - inner if not key.startswith("model.")}  # model=default is the dataset's
    assert own - set(settings(overrides)) <= {"aggregator.filters", "aggregator.preaggregator", "experiment"}


BASH = """
source script
COMP_LINE="$1" COMP_POINT=${#COMP_LINE}
_byzsgd 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("line", "replies"),
    [("byzsgd tra", ["train"]), ("byzsgd train attack=li", ["lie", "lipschitz_hug"]), ("byzsgd train see", ["seed="])],
)
def test_bash_replaces_what_stands_behind_the_equals_sign(line, replies, tmp_path):
    (tmp_path / "script").write_text(SHELLS["bash"])
    program = tmp_path / "byzsgd"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m byzsgd "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(["bash", "--norc", "-c", BASH, "bash", line], capture_output=True, text=True, timeout=60,
                          check=True, cwd=tmp_path, env=environment)  # fmt: skip
    assert done.stdout.split() == replies, done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_their_scripts(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    (tmp_path / "script").write_text(SHELLS[shell])
    subprocess.run([shell, "-n", "script"], cwd=tmp_path, check=True, timeout=60)


def test_it_answers_in_a_moment():
    """1.6 s of CPU for every TAB; .12 s measured."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "byzsgd", "completion", "bash", "--line", "byzsgd train aggregator.ru"]
    subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.6  # twice what is promised
