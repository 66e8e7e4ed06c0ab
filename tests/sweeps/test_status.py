"""What is said of runs that are under way, cut off, failed or not begun."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from byzsgd.cli import main
from byzsgd.console import sweep_progress
from byzsgd.records import Plan, locked, write_plan
from byzsgd.records.done import done_of
from byzsgd.records.files import digest
from byzsgd.records.progress import Sweep, duration, run_progress

CONFIG = "budget:\n  arrivals: 1000\n  updates: null\n  time: null\n"


def job(
    folder, *, status="running", arrivals=None, wall_time=0.0, started="2026-01-01T00:00:00+00:00", saved=(), error=None
):
    """A run folder as far as `status` looks at it."""
    folder.mkdir(parents=True)
    (folder / ".lock").write_text("")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "info.json").write_text(
        f'{{"status": "{status}", "wall_time": {wall_time}, "started": "{started}", "scores": [], "choices": {{}}}}'
    )
    lines = (
        ""
        if arrivals is None
        else f'{{"arrivals": {arrivals}, "step": 3, "time": 1.0, "test_accuracy": 0.75, "train_loss": 1.0}}\n'
    )
    (folder / "metrics.jsonl").write_text(lines + '{"arrivals": 99')
    (folder / "checkpoints").mkdir()
    for number in saved:
        (folder / "checkpoints" / f"{number:012d}-0123456789abcdef.safetensors").write_text("")
    if status in ("finished", "diverged"):
        metrics = digest((folder / "metrics.jsonl").read_bytes())
        (folder / "DONE").write_bytes(done_of(folder, metrics=metrics, prefix=""))
    if error:
        (folder / "error.txt").write_text(error)
    return folder


def sweep_of(folder, unseen=0):
    write_plan(folder, Plan({f"{number:010x}": f"seed-{number}" for number in range(unseen)}))
    return Sweep(folder).look()


def test_the_wall_time_of_a_broken_run_is_that_of_its_last_checkpoint_and_what_came_after(tmp_path):
    """30 seconds for the 200 arrivals of the checkpoint, so 37.5 for 250."""
    assert run_progress(job(tmp_path / "a", arrivals=250, wall_time=30.0, saved=(100, 200))).seconds == 37.5
    assert run_progress(job(tmp_path / "b", arrivals=250, wall_time=30.0)).seconds is None


@pytest.mark.parametrize(
    ("settings", "state", "news", "share"),
    [
        ({"status": "finished", "arrivals": 1000}, "done", "finished", 1.0),
        ({"status": "diverged", "arrivals": 400}, "done", "diverged", 1.0),
        ({"arrivals": 250}, "broken", "", 0.25),
        ({}, "broken", "", 0.0),
        ({"status": "interrupted", "arrivals": 250}, "broken", "", 0.25),
        ({"status": "failed", "arrivals": 250}, "failed", "", 0.25),
        ({"arrivals": 250, "error": "disk full\nTraceback"}, "failed", "disk full", 0.0),
    ],
)
def test_the_state_of_a_run(tmp_path, settings, state, news, share):
    seen = run_progress(job(tmp_path / "run", **settings))
    assert (seen.state, seen.news, seen.share) == (state, news, share)


def test_a_run_whose_lock_is_held_is_running(tmp_path):
    folder = job(tmp_path / "run", arrivals=250, error="of an earlier attempt")
    with locked(folder):
        seen = run_progress(folder)
    assert (seen.state, seen.share, seen.judged) == ("running", 0.25, "test accuracy 0.75")


def test_a_job_that_was_only_handed_out_is_waiting(tmp_path):
    (tmp_path / "seed-0").mkdir()
    sweep = sweep_of(tmp_path, unseen=3)
    assert [each.state for each in sweep.runs] == ["waiting"]
    assert (sweep.count("waiting"), sweep.total) == (3, 3)


def test_damage_is_news(tmp_path):
    folder = job(tmp_path / "run")
    (folder / "info.json").write_text("{")
    assert run_progress(folder).state == "failed"
    assert "info.json is damaged" in run_progress(folder).news


@pytest.mark.parametrize("budget", ["[1, 2]", "{arrivals: many}", "7"])
def test_nonsense_is_news_too(budget, tmp_path):
    folder = job(tmp_path / "run", arrivals=250)
    (folder / "config.yaml").write_text(f"budget: {budget}\n")
    assert run_progress(folder).state == "failed"
    assert "does not hold what a run folder holds" in run_progress(folder).news


def test_the_time_that_remains(tmp_path):
    """Two done in 10 s and 30 s, so 20 s each: 75 % of one, half another and two, shared by two at work."""
    job(tmp_path / "a", status="finished", arrivals=1000, wall_time=10.0)
    job(tmp_path / "b", status="finished", arrivals=1000, wall_time=30.0)
    with locked(job(tmp_path / "c", arrivals=250)), locked(job(tmp_path / "d", arrivals=500)):
        assert sweep_of(tmp_path, unseen=2).remaining() == pytest.approx((0.75 + 0.5 + 2) * 20 / 2)
    assert sweep_of(tmp_path, unseen=2).remaining() is None  # nobody is at work


def test_the_time_that_remains_before_the_first_has_ended(tmp_path):
    """100 s for the 200 arrivals up to the checkpoint: 125 s for the 250 so far, 375 s for the rest."""
    with locked(job(tmp_path / "a", arrivals=250, wall_time=100.0, saved=(100, 200))):
        assert sweep_of(tmp_path).remaining() == pytest.approx(375)
    since = (datetime.now(UTC) - timedelta(seconds=1000)).isoformat()
    with locked(job(tmp_path / "b" / "run", arrivals=500, started=since)):
        assert sweep_of(tmp_path / "b").remaining() == pytest.approx(1000, rel=0.05)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (89, "89 s"), (91, "2 min"), (5280, "88 min"), (5399, "1 h 30 min"), (12_060, "3 h 21 min")],
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text


def test_a_single_run_is_shown_whatever_its_state(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job(tmp_path / "run", status="diverged", arrivals=400)
    assert main(["status", "run"]) == 0
    assert capsys.readouterr().out == "done: run, 100%, test accuracy 0.75, diverged\nrun: 1 of 1 done (1 diverged)\n"


def test_nothing_there(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["status", "empty"]) == 0
    assert capsys.readouterr().out == "no run in empty\n"
    assert main(["status", "nowhere"]) == 2
    assert capsys.readouterr().err == "byzsgd: nowhere is no folder\n"


def test_status_is_among_the_commands(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert re.search(r"^ +status +how far", capsys.readouterr().out, re.MULTILINE)


def test_a_terminal_gets_a_table_that_moves(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_progress, "EVERY", 0.01)
    with locked(job(tmp_path / "c", arrivals=250)):
        job(tmp_path / "a", status="finished", arrivals=1000)
        console = Console(file=io.StringIO(), force_terminal=True, width=300, color_system=None)
        with sweep_progress.following(Sweep(tmp_path), console):
            job(tmp_path / "b", status="finished", arrivals=1000)
            job(tmp_path / "d", error="no luck")
    shown = console.file.getvalue()
    assert "running" in shown
    assert "25%" in shown
    assert "b: finished, test accuracy 0.75" in shown
    assert "d: no luck" in shown
    assert "2 of 4 done, 1 running, 1 failed" in shown
    assert "a: finished" not in shown  # it had ended before


def test_what_is_no_terminal_is_left_to_the_runs(tmp_path):
    console = Console(file=io.StringIO())
    with sweep_progress.following(Sweep(tmp_path), console):
        pass
    assert console.file.getvalue() == ""


def test_looking_never_makes_a_writer_believe_that_it_is_not_alone(tmp_path):
    """Who looks holds the lock for a moment; who wants to write waits for that long."""
    import fcntl
    import os
    import threading

    folder = job(tmp_path / "run")
    descriptor = os.open(folder / ".lock", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    threading.Timer(0.03, os.close, [descriptor]).start()
    with locked(folder):
        assert run_progress(folder).state == "running"
