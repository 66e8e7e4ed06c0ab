"""What one sees: at 80 columns, in a pipe, in other encodings, without attack."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

import byzsgd
from byzsgd.analysis import as_seen
from byzsgd.cli import main
from byzsgd.console import run_screen
from byzsgd.console.run_screen import Terminal

pytestmark = pytest.mark.usefixtures("elsewhere")

TINY = ("num_workers=7", "num_byzantine=1", "budget.arrivals=60", "eval_every=30", "batch_size=4")


SWEEP = ("train", "-m", "aggregator=trimmed_mean,kardam", "attack=lie,none", *TINY)


@pytest.fixture(scope="module")
def a_sweep(tmp_path_factory):
    """Its folder has square brackets in its name, which are letters."""
    place = tmp_path_factory.mktemp("sweeps")
    assert main([*SWEEP, f"hydra.sweep.dir='{place}/a[red]b'"]) == 0
    return place / "a[red]b"


@pytest.mark.parametrize("width", [45, 80, 120])
def test_the_closing_table_keeps_its_settings_and_medians(width, a_sweep, monkeypatch, capsys):
    """They were "aggre… m… st…" where the output is narrow."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert main([*SWEEP, f"hydra.sweep.dir='{a_sweep}'"]) == 0
    table = [line.rstrip() for line in capsys.readouterr().out.splitlines() if line.startswith(" ")]
    assert max(map(len, table)) <= width
    rows = [line for line in table if line.startswith((" trimmed_mean ", " kardam "))]
    assert len(rows) == 4
    assert "…" not in "".join(rows)
    assert all(any("0." in word for word in row.split()) for row in rows)


def test_a_pipe_cuts_nothing(a_sweep, monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(["watch", str(a_sweep)]) == 0
    said = capsys.readouterr().out
    for heading in ("run", "status", "done", "accuracy", "honest", "Byzantine", "arrivals", "updates"):
        assert heading in said
    assert "trimmed mean, no attack" in said


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("command", [("compare",), ("watch",), ("status",)], ids=lambda command: command[0])
def test_every_encoding_will_do(encoding, command, a_sweep, monkeypatch):
    """compare, list and watch ended with an error; brackets in a name were markup."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    assert main([*command, str(a_sweep)]) == 0
    assert main(["list", "aggregator"]) == 0
    stream.flush()
    said = stream.buffer.getvalue().decode(encoding)
    assert command[0] == "compare" or "a[red]b" in said
    assert "kardam" in said


def test_what_is_printed_after_a_run_in_an_odd_folder_exists(tmp_path, capsys):
    assert main(["train", *TINY, "hydra.run.dir='a[/b]c'"]) == 0
    assert "next: byzsgd plot 'a[/b]c'" in capsys.readouterr().out
    assert (tmp_path / "a[/b]c" / "DONE").exists()


def test_without_attack_nobody_lies(tmp_path, capsys):
    """Header, counts and figures said "3 of 15 lie"; the record keeps who was chosen."""
    assert main(["train", "attack=none", *TINY, "hydra.run.dir=run"]) == 0
    said = capsys.readouterr().out
    assert "kardam without attack: none of 7 lies, f=1" in said
    assert "byzantine" not in said.replace("num_byzantine", "").lower()
    assert "of 60 (" in said  # all of them honest
    run = byzsgd.load("run")
    assert run.arrivals["byzantine"].any()
    assert not as_seen(run).arrivals["byzantine"].any()
    assert main(["compare", "run"]) == 0
    assert "λ" not in capsys.readouterr().out
    assert main(["train", "attack=lie", *TINY, "hydra.run.dir=lie"]) == 0
    assert "kardam under lie: 1 of 7 lie, f=1" in capsys.readouterr().out


def screen_of(monkeypatch, width, terminal):
    monkeypatch.setattr(run_screen, "REFRESH", 0.0)
    monkeypatch.setattr(run_screen, "BETWEEN_LINES", -1.0)
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None, markup=False)
    byzsgd.experiment("attack=lie", *TINY).run(screen=Terminal(console))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_a_single_run_keeps_its_bar_and_what_is_left(width, monkeypatch):
    lines = screen_of(monkeypatch, width, terminal=True).replace("\r", "\n").split("\n")
    moving = [line.replace("\x1b[2K", "").rstrip() for line in lines if "/60  test accuracy" in line]
    assert moving
    for line in moving:
        assert len(line) <= width
        assert "%" in line and "━" in line and ":" in line.split("/60")[0]
        assert ("accepted" in line) and ("updates" in line) == (width == 120)


def test_in_a_pipe_it_speaks_at_every_evaluation(monkeypatch):
    said = [line for line in screen_of(monkeypatch, 80, terminal=False).splitlines() if "/60  test accuracy 0." in line]
    assert [line.split("/")[0] for line in said] == ["0", "30", "60"]


def test_the_first_word_comes_before_torch(tmp_path):
    """Seconds passed in silence while it was imported."""
    script = (
        "import sys, builtins\nfrom byzsgd.cli import main\nsaid = builtins.print\n"
        "def say(*words, **more):\n    said('torch' in sys.modules, *words, **more)\n    sys.exit()\n"
        "builtins.print = say\nmain(['train'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False,
                          cwd=tmp_path, env=environment)  # fmt: skip
    assert done.stdout == "False loading PyTorch\n", done.stderr


def test_the_list_has_one_s_own_members_and_marks(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "aggregator").mkdir()
    (tmp_path / "aggregator/mine.yaml").write_text("# A server of mine.\n_target_: byzsgd.aggregators.pipeline\n")
    assert main(["list", "aggregator", "--config-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    lines = {line.split()[0]: line for line in printed if line[:2] == "  " and line[2:3] != " "}
    assert lines["mine"].endswith("A server of mine.")
    marked = {name for name, line in lines.items() if line.endswith("[trusted data]")}
    assert {"zeno_pp", "afl_guard", "fltrust"} <= marked and not {"kardam", "krum", "asgd"} & marked
    assert main(["list", "rule", "--search", "bulyan"]) == 0
    assert "Cost: k²d + k³ log k" in capsys.readouterr().out
    assert main(["list", "--config-dir", str(tmp_path / "none")]) == 2
    assert "--config-dir needs a folder" in capsys.readouterr().err
