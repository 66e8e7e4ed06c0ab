"""`byzsgd new`: what it writes passes the laws, and it writes all or nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from byzsgd.cli import main
from byzsgd.console import new_member as adding
from byzsgd.console.new_member import KINDS, new_member

ROOT = Path(__file__).resolve().parents[2]
PARTS = {kind: tomllib.loads(Path(adding.__file__).with_name("new_members").joinpath(f"{kind}.toml").read_text())
         for kind in KINDS}  # fmt: skip


def contents(folder):
    return {file.relative_to(folder): file.read_text() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def checkout(tmp_path):
    """A checkout with those files alone that a member is entered in."""
    for kind in KINDS:
        for path in (line["path"] for line in PARTS[kind]["line"]):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, tmp_path / path)
        for path in (file["path"] for file in PARTS[kind]["file"]):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_and_every_place_is_said(kind, checkout, capsys):
    before = contents(checkout)
    assert new_member(kind, "of_mine", checkout) == 0
    after, said = contents(checkout), capsys.readouterr().out.splitlines()
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {Path(line) for line in said if " " not in line}
    places = {part["path"].replace("NAME", "of_mine") for part in (*PARTS[kind]["file"], *PARTS[kind]["line"])}
    assert changed == set(map(Path, places))
    for path in changed:
        assert after[path].count("NAME") == before.get(path, "").count("NAME")
        left = iter(after[path].splitlines())
        assert all(line in left for line in before.get(path, "").splitlines()), "a line that stood there is gone"
        if path.suffix == ".py":
            compile(after[path], path, "exec")
    assert all((ROOT / word).exists() for word in PARTS[kind]["tests"].split())


@pytest.mark.parametrize("kind", KINDS)
def test_contributing_names_every_place(kind):
    (row,) = (line for line in (ROOT / "CONTRIBUTING.md").read_text().splitlines() if f"(`new {kind}`)" in line)
    for part in (*PARTS[kind]["file"], *PARTS[kind]["line"]):
        path = part["path"].replace("NAME", "<name>")
        assert Path(path).name in row, f"CONTRIBUTING.md needs {path} in its row of `new {kind}`"


def test_the_house_has_every_room():
    house = (ROOT / "CONTRIBUTING.md").read_text().split("## The house")[1].split("## Words")[0]
    rooms = {file.parent.name for file in (ROOT / "byzsgd").glob("*/__init__.py")}
    missing = sorted(room for room in rooms if f"{room}/" not in house)
    assert not missing, f"CONTRIBUTING.md needs a place in the house for {', '.join(missing)}"


def test_a_second_member_stands_beside_the_first(checkout):
    for kind in KINDS:
        new_member(kind, f"second_{kind}", checkout)
        new_member(kind, f"first_{kind}", checkout)
    lines = (checkout / "byzsgd/attacks/__init__.py").read_text().splitlines()
    assert [line for line in lines if line.startswith("from ")] == sorted(line for line in lines if "from " in line)
    rows = (checkout / "docs/rules.md").read_text()
    assert rows.index("| `second_rule` |") < rows.index("| `first_rule` |") < rows.index("| pre-aggregator |")


@pytest.mark.parametrize("name", ["Mine", "2nd", "my-rule", "lambda", "../rule", ""])
def test_a_name_that_python_does_not_allow_is_refused(name, checkout, capsys):
    before = contents(checkout)
    with pytest.raises(
        ValueError, match="^new needs a name of small letters, digits and _ that Python allows; got name="
    ):
        new_member("rule", name, checkout)
    assert contents(checkout) == before


def test_a_name_that_is_taken_is_refused_in_one_line(capsys):
    assert main(["new", "attack", "lie"]) == 2
    said = capsys.readouterr().err
    assert said == "byzsgd: new needs a name that no attack has; got name=lie, file=byzsgd/attacks/lie.py\n"


def test_without_tests_there_is_nothing_to_pass(tmp_path):
    with pytest.raises(ValueError, match="new needs a checkout of the repository, with its tests; got folder="):
        new_member("rule", "mine", tmp_path)


def test_a_place_that_has_gone_is_said_and_nothing_is_written(checkout):
    page = checkout / "docs/rules.md"
    page.write_text("# Rules\n")
    before = contents(checkout)
    with pytest.raises(ValueError, match=r"new needs a line in docs/rules.md that matches .*; got none"):
        new_member("rule", "mine", checkout)
    assert contents(checkout) == before


LAWS = (
    *("tests/rules/test_laws.py", "tests/rules/test_twins.py", "tests/rules/test_docs.py"),
    *("tests/attacks/test_attack_laws.py", "tests/compressors/test_compressor_laws.py", "tests/delays"),
    *("tests/rules/test_declaration.py", "tests/aggregators/test_servers.py"),
    *("tests/aggregators/test_server_twins.py", "tests/aggregators/test_hostile_vectors.py"),
    *("tests/command/test_command.py", "tests/command/test_screens.py", "tests/test_imports.py"),
    "tests/plotting/test_every_figure.py",
)
DRAWN = """
from made_up_runs import run
from byzsgd.analysis import compare
from byzsgd.plotting import KINDS, my_figure
assert "my_figure" in KINDS
(line,) = my_figure(compare([run(arrivals=90)])).axes[0].lines
assert line.get_ydata().sum() == 90
"""


def test_contributing_names_only_files_that_there_are():
    house = (ROOT / "CONTRIBUTING.md").read_text().partition("## The house")[2].partition("## Words")[0]
    assert house
    for line in house.splitlines():
        folders = re.findall(r"`([a-z_]+)/`", line.split("|")[1]) if line.startswith("| `") else []
        for file in re.findall(r"`([a-z_/]+\.py)`", line):
            paths = [file, f"byzsgd/{file}", *(f"byzsgd/{folder}/{file}" for folder in folders)]
            assert any((ROOT / path).is_file() for path in paths), f"CONTRIBUTING needs a file {file}; got none"


@pytest.mark.slow
def test_one_of_each_kind_passes_the_laws_at_once(tmp_path):
    for folder in ("byzsgd", "conf", "hydra_plugins", "docs", "tests", "plots"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, tmp_path / file)
    for kind in KINDS:
        new_member(kind, f"my_{kind}", tmp_path)
    paths = os.pathsep.join([str(tmp_path), str(tmp_path / "tests/plotting"), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths}

    def passes(*words):
        done = subprocess.run([sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True,
                              timeout=600, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
        return done.stdout

    chosen = "my_ or on_the_page or has_a_twin or table_of_laws or is_compared or reference_pages"
    chosen += " or declaration_and_its_yaml or left_out or folder or long"
    said = passes("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not gpu and not slow", "-k", chosen, *LAWS)
    assert int(said.split(" passed")[0].split()[-1]) > 100
    passes("-c", DRAWN)
    passes("-m", "ruff", "check", "--no-cache", "byzsgd", "tests")
    passes("-m", "ruff", "format", "--no-cache", "--check", "byzsgd", "tests")
