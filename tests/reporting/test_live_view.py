"""`watch` sees what the records say, at any moment."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time

import pytest
import yaml
from made_up_runs import run
from rich.console import Console

from byzsgd.console.live_view import Glance, share, spark, view, watch
from byzsgd.records import locked
from byzsgd.records.done import done_of
from byzsgd.records.files import digest
from byzsgd.records.progress import run_progress
from byzsgd.records.run import ENDED

LOCKS = contextlib.ExitStack()  # of the folders that are written as running


@pytest.fixture(autouse=True)
def at_work():
    yield
    LOCKS.close()


def write(folder, made, *, status="running", metrics=3):
    """A run folder as far as a reader cares."""
    (folder / "arrivals").mkdir(parents=True, exist_ok=True)
    config = made.config | {"budget": {"arrivals": 1200, "updates": None, "time": None}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "info.json").write_text(json.dumps({"status": status, "scores": [], "choices": made.choices}))
    if status == "running":
        LOCKS.enter_context(locked(folder))
    lines = [json.dumps(row) for row in made.metrics[:metrics].to_dicts()]
    (folder / "metrics.jsonl").write_text("".join(line + "\n" for line in lines))
    if status in ENDED:
        end(folder)
    return folder


def end(folder, **info):
    """The run has ended: its last file says so."""
    known = json.loads((folder / "info.json").read_text())
    (folder / "info.json").write_text(json.dumps(known | info))
    metrics = digest((folder / "metrics.jsonl").read_bytes())
    (folder / "DONE").write_bytes(done_of(folder, metrics=metrics, prefix=""))


def shown(folder, glance=None, now=None, width=180):
    glance = glance or Glance()
    seen = glance.look(folder)
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(view(folder, seen, glance.troubles, time.time() if now is None else now, width))
    return console.export_text()


def test_a_running_run_has_its_progress(tmp_path):
    write(tmp_path / "one", run(), metrics=7)
    text = shown(tmp_path)
    assert "1 running" in text
    assert " 300 " in text  # of 1200 arrivals
    (seen, _), *_ = Glance().look(tmp_path)
    assert share(seen) == 0.25
    assert len(spark(seen)) == 7


def test_a_run_that_does_not_speak_is_silent(tmp_path):
    write(tmp_path / "one", run())
    assert "silent for 10 min" in shown(tmp_path, now=time.time() + 600)


def test_a_run_that_was_cut_off_is_called_what_status_calls_it(tmp_path):
    write(tmp_path / "one", run())
    LOCKS.close()
    assert "1 broken" in shown(tmp_path)
    assert run_progress(tmp_path / "one").state == "broken"


def test_ended_runs_are_counted_and_running_ones_come_first(tmp_path):
    write(tmp_path / "a", run("asgd"), status="diverged")
    write(tmp_path / "b", run("krum"))
    text = shown(tmp_path)
    assert "1 diverged, 1 running" in " ".join(text.split())
    assert text.index("krum, seed 0") < text.index("asgd, seed 0")


def test_a_damaged_folder_is_told_and_the_others_are_shown(tmp_path):
    write(tmp_path / "good", run())
    bad = write(tmp_path / "bad", run())
    (bad / "info.json").write_text("{")
    text = shown(tmp_path)
    assert "good" in text
    assert "is damaged: not JSON" in text


def test_only_what_changed_is_read_again(tmp_path, monkeypatch):
    folder = write(tmp_path / "one", run())
    glance = Glance()
    glance.look(tmp_path)
    read = []
    monkeypatch.setattr("byzsgd.console.live_view.readable", lambda path: (read.append(path), (run(), []))[1])
    glance.look(tmp_path)
    assert read == []
    later = time.time() + 5
    (folder / "DONE").write_text("{}")
    os.utime(folder / "DONE", (later, later))
    glance.look(tmp_path)
    assert read == [folder]


def test_without_a_terminal_it_looks_once(tmp_path):
    write(tmp_path / "one", run())
    console = Console(width=180, file=io.StringIO())
    assert watch(tmp_path, console=console) == 1
    assert "1 running" in " ".join(console.file.getvalue().split())


def test_in_a_terminal_it_stays_until_all_have_ended(tmp_path, monkeypatch):
    folder = write(tmp_path / "one", run())
    console = Console(width=180, file=io.StringIO(), force_terminal=True)
    looks = []

    class Ending(Glance):
        def look(self, place):
            looks.append(place)
            if len(looks) == 3:
                end(folder, status="finished")
            self.runs.clear()
            return super().look(place)

    monkeypatch.setattr("byzsgd.console.live_view.Glance", Ending)
    assert watch(tmp_path, every=0.0, console=console) == 1
    assert len(looks) == 3


def test_an_empty_folder_and_none(tmp_path):
    assert "no run in" in shown(tmp_path)
    with pytest.raises(ValueError, match="is no folder"):
        watch(tmp_path / "nothing")


def test_at_80_columns_the_names_stay(tmp_path):
    """What matters least gives way: counts, bars, shares; never the name, the status, how far it is, the accuracy."""
    for number in range(3):
        write(tmp_path / str(number), run("trimmed_mean", seed=number), metrics=7)
    text = shown(tmp_path, width=80)
    assert max(map(len, text.splitlines())) <= 80
    for number in range(3):
        (line,) = [line for line in text.splitlines() if f"seed {number}" in line]
        assert "running" in line and "25%" in line
    assert "…" not in text
    assert "".join(text.split()).startswith("".join(f"{tmp_path}: 3 running".split()))  # however it is broken
    assert "updates" in shown(tmp_path, width=180) and "updates" not in text
