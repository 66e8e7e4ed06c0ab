"""A stranger's folder: what writes or sends needs the user's word, figures build what they need, and names are data."""

from __future__ import annotations

import csv
import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import byzsgd
from byzsgd.analysis import compare
from byzsgd.checks import printable
from byzsgd.cli import main
from byzsgd.plotting import progress
from byzsgd.records.done import done_of
from byzsgd.records.files import digest
from byzsgd.reporting import tables
from byzsgd.reporting.table import Cell, Table, to_csv, to_latex, to_markdown

pytestmark = pytest.mark.usefixtures("elsewhere")

SMALL = ("aggregator=krum", "attack=lie", "num_workers=15", "batch_size=4", "budget.arrivals=40", "eval_every=20",
         "checkpoint_every=20", "engine=fused")  # fmt: skip
NAME = "\x1b]0;owned\x07\x1b[2J$\\frac$ [red]a|b[/] \u202e=@"
SPELLED = "\\x1b]0;owned\\x07\\x1b[2J$\\frac$ [red]a|b[/] \\u202e=@"


def slowly(*rows):
    """Those that `make test` leaves to `make test-all`."""
    return [pytest.param(*row, marks=pytest.mark.slow) for row in rows]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    place = tmp_path_factory.mktemp("kept")
    byzsgd.experiment(*SMALL).run(place / "run")
    return place


@pytest.fixture
def run(kept, tmp_path):
    return Path(shutil.copytree(kept / "run", tmp_path / "run").name)


def forge(folder, name="config.yaml", **changes):
    """A stranger can change what he likes, and vouch for it."""
    path = folder / name
    said = yaml.safe_load(path.read_text()) | changes
    path.write_text(json.dumps(said) if name == "info.json" else yaml.safe_dump(said, sort_keys=False))
    (folder / "DONE").unlink(missing_ok=True)
    metrics = digest((folder / "metrics.jsonl").read_bytes())
    (folder / "DONE").write_bytes(done_of(folder, metrics=metrics, prefix="0123456789"))


def cut_off(folder, **changes):
    """As a kill at the start leaves it."""
    forge(folder, **changes)
    forge(folder, "info.json", status="running")
    shutil.rmtree(folder / "checkpoints")
    (folder / "DONE").unlink()
    return folder


BOARD = {"_target_": "byzsgd.trackers.tensorboard", "folder": "board"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("words", "opened"),
    [
        ((), ""),
        (("tracker=tensorboard", "tracker.folder=mine"), "mine"),
        *slowly((("--trust",), "board"), (("tracker=null",), "")),
    ],
    ids=["no word", "own", "trust", "none"],
)
def test_a_tracker_is_opened_at_ones_word(words, opened, run, capsys):
    pytest.importorskip("tensorboard", reason="pip install 'byzsgd[tensorboard]'")
    cut_off(run, tracker=BOARD)
    assert main(["resume", "run", *words]) == 0
    captured = capsys.readouterr()
    assert sorted(path.name for path in Path().iterdir()) == sorted(filter(None, [opened, "run"]))
    assert ("is not opened" in captured.err) == (not words)
    assert byzsgd.load("run").vouched


@pytest.mark.parametrize(("words", "asked"), [((), False), (("--trust",), True), (("dataset.download=true",), True)])
def test_nothing_is_downloaded_without_ones_word(words, asked, run, capsys, monkeypatch):
    heard = []

    def stored(who, root, files, download, *rest):
        heard.append((root, download))
        raise ValueError("no files")

    monkeypatch.setattr(import_module("byzsgd.datasets.mnist"), "stored", stored)
    mnist = byzsgd.experiment("dataset=mnist", "dataset.download=true").config["dataset"]
    cut_off(run, dataset=mnist, data_root="theirs")
    assert main(["resume", "run", "data_root=mine", *words]) == 2
    assert "no files" in capsys.readouterr().err
    assert heard == [(Path("mine"), asked)]


def test_other_settings_are_no_word(run, capsys):
    assert main(["resume", "run", "optimizer.lr=2"]) == 2
    assert "resume needs settings of the budget" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["torch.nn.Linear", *slowly(("byzsgd.models.mlp",), ("byzsgd.datasets.digits",))])
def test_plot_builds_nothing_but_laws_of_ours(target, run, capsys, monkeypatch):
    built = []
    monkeypatch.setattr("byzsgd.config.objects.built", lambda *given: built.append(given))
    sizes = {"in_features": 60_000, "out_features": 60_000}
    forge(run, delay={"_target_": target, **sizes})
    assert main(["plot", "run", "--kind", "delays", "--format", "svg"]) == 0
    forge(run, delay={"_target_": "byzsgd.delays.exponential", "mean": {"_target_": target, **sizes}})
    assert main(["plot", "run", "--kind", "delays", "--format", "svg"]) == 0
    assert not built


@pytest.mark.parametrize(
    "command",
    [("compare", "--output", "out"), ("watch",), ("status",), *slowly((("report",),), (("plot",),))],
    ids=["compare", "watch", "status", "report", "plot"],
)
def test_names_do_nothing_to_a_terminal(command, run, capsys):
    config = yaml.safe_load((run / "config.yaml").read_text())
    forge(run, aggregator={**config["aggregator"], NAME: NAME})
    forge(run, "info.json", choices={"aggregator": NAME, "attack": NAME}, reason=NAME)
    run = run.rename(NAME.replace("/", "-"))
    drawn = ("--kind", "accuracy", "--format", "svg") if command[0] == "plot" else ()
    assert main([command[0], str(run), *command[1:], *drawn]) == 0
    captured = capsys.readouterr()
    written = "".join(path.read_text() for path in Path("out").glob("*"))
    assert not {"\x1b", "\x07", "\u202e"} & {*captured.out, *captured.err, *written}


def test_an_error_does_nothing_to_a_terminal(run, capsys):
    forge(run, delay={"_target_": NAME})
    (run / "DONE").unlink()
    shutil.rmtree(run / "checkpoints")
    assert main(["resume", "run"]) == 2
    assert main(["resume", NAME]) == 2
    assert main(["resume", "run", f"budget.{NAME}=1"]) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert said.count("\n") == 3
    assert "\\x1b]0;owned" in said


def test_letters_are_letters():
    assert printable(NAME) == SPELLED
    assert printable("a\nb\u00a0é–λ\u2028\udcff") == "a\\nb\u00a0é–λ\\u2028\\udcff"


TABLE = Table("t", "a*b", ("_x_", "=1+1"), ((Cell(NAME), Cell("@SUM(1)")), (Cell("-0.5"), Cell("trimmed_mean"))), 1)


def test_a_spreadsheet_computes_nothing():
    heading, first, second = csv.reader(to_csv(TABLE).splitlines())
    assert heading == ["_x_", "'=1+1"]
    assert first == [SPELLED, "'@SUM(1)"]
    assert second == ["-0.5", "trimmed_mean"]


def test_markdown_and_latex_show_names_as_they_are():
    written = to_markdown(TABLE)
    assert "**a\\*b**" in written
    assert "\\_x\\_" in written
    assert "trimmed_mean" in written
    assert "\\$\\\\frac\\$ \\[red\\]a\\|b\\[/\\]" in written
    assert "\x1b" not in to_latex(TABLE)
    assert "\\$\\textbackslash{}frac\\$" in to_latex(TABLE)


def test_a_figure_shows_dollar_signs(run):
    forge(run, "info.json", choices={"aggregator": "$\\frac$", "attack": "lie"})
    figure = progress(compare([byzsgd.load(run)]))
    figure.canvas.draw()  # where mathematics is meant, this is an error of its grammar
    assert any("$\\frac$" in text.get_text() for text in figure.findobj(lambda part: hasattr(part, "get_text")))
    assert "$\\frac$" in tables([byzsgd.load(run)])[0].notes[-1]
