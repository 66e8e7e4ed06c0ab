"""Figures from a module of one's own: by the command, by Python, and what is said where they are none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import byzsgd
from byzsgd.cli import main

PAGE = (Path(__file__).resolve().parents[2] / "docs/figures.md").read_text(encoding="utf-8")
(SNIPPET,) = re.findall(r"```python\n(# my_figures\.py\n.*?)```", PAGE, flags=re.DOTALL)
OTHERS = """
from matplotlib.figure import Figure

def plain(comparison):
    return Figure()

def no_figure(comparison):
    return len(comparison.runs)

number = 3
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures") / "run"
    byzsgd.experiment(num_workers=3, num_byzantine=0, batch_size=1, eval_every=20, budget={"arrivals": 20},
                      aggregator="asgd").run(folder)  # fmt: skip
    return folder


@pytest.fixture
def modules(tmp_path, monkeypatch):
    (tmp_path / "my_figures.py").write_text(SNIPPET, encoding="utf-8")
    (tmp_path / "my_others.py").write_text(OTHERS, encoding="utf-8")
    (tmp_path / "my_broken.py").write_text("import no_such_module_anywhere\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("modules")
def test_the_figure_of_the_page_is_drawn_by_the_command(finished, tmp_path, capsys):
    words = ["--kind", "my_figures:norms", "--kind", "my_others:plain", "--x", "time", "--format", "png"]
    assert main(["plot", str(finished), *words, "--output", str(tmp_path / "drawn")]) == 0
    drawn = {"my_figures.norms-time.png", "my_others.plain.png"}
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == drawn
    assert {Path(line).name for line in capsys.readouterr().out.splitlines()} == drawn
    (axes,) = byzsgd.plot(finished, "my_figures:norms", x="time").axes
    assert axes.get_xlabel() == "time" and len(axes.lines[0].get_xdata()) == 20


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(
    ("kind", "code", "sentence"),
    [
        ("my_others:no_figure", 2, "my_others:no_figure needs to return a matplotlib Figure; got returned=int"),
        ("my_others:number", 2, "plot needs a function of one comparison in my_others that returns a Figure; got"),
        ("my_others:absent", 2, "plot needs a function of one comparison in my_others that returns a Figure; got"),
        ("no_such_module:norms", 2, "plot needs a module that Python finds (on PYTHONPATH); got module=no_such_module"),
        ("my_others.deeper:norms", 2, "plot needs a module that Python finds (on PYTHONPATH); got module=my_others."),
        (":norms", 2, "plot needs a module that Python finds (on PYTHONPATH); got module="),
        ("..os:system", 2, "plot needs a module that Python finds (on PYTHONPATH); got module=..os"),
        ("my_broken:norms", 1, "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
    ],
)
def test_what_is_no_figure_is_said_in_one_line(finished, tmp_path, capsys, kind, code, sentence):
    assert main(["plot", str(finished), "--kind", kind, "--output", str(tmp_path / "drawn")]) == code
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"byzsgd: {sentence}") and "\n" not in said
    assert not (tmp_path / "drawn").exists()


def test_the_list_says_what_others_need(finished, capsys):
    assert main(["plot", str(finished), "--list"]) == 0
    said = capsys.readouterr()
    assert {"accuracy", "loss", "timeline"} <= set(said.out.split()) and "tree" not in said.out
    assert "byzsgd: tree needs runs of scheme=tree with an update; got none\n" in said.err
