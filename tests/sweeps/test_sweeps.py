"""A sweep that is cut off loses nothing and does nothing twice."""

from __future__ import annotations

import re
import signal

import pytest
from processes import SIX, SIXTY, done, ended, killed_midway_and_started_again, prints, started

import byzsgd
from byzsgd.cli import main
from byzsgd.records import locked

pytestmark = pytest.mark.usefixtures("elsewhere")

TINY = ("num_workers=7", "num_byzantine=1", "batch_size=4", "budget.arrivals=60", "eval_every=30")


@pytest.mark.slow
def test_six_jobs_killed_midway(tmp_path):
    killed_midway_and_started_again(SIX, 6, 2, tmp_path)
    runs = [byzsgd.load(folder) for folder in done(tmp_path / "sweep")]
    assert {len(run.arrivals) for run in runs} == {500}


@pytest.mark.slow
def test_sixty_jobs_killed_midway(tmp_path):
    killed_midway_and_started_again(SIXTY, 60, 25, tmp_path)


@pytest.mark.parametrize("jobs", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_one_job_that_raises_stops_no_other(jobs, tmp_path, capsys):
    seeds = ",".join(map(str, [-1, *range(jobs - 1)]))
    sweep = ["train", "-m", f"seed={seeds}", *TINY, "hydra.sweep.dir=sweep"]
    assert main(sweep) == 1
    assert len(done(tmp_path / "sweep")) == jobs - 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "failed: sweep/" in captured.err
    assert "seed needs a value >= 0; got seed=-1" in captured.err
    assert "final test accuracy" in captured.out
    before = prints(done(tmp_path / "sweep"))
    assert main(sweep) == 1
    assert prints(done(tmp_path / "sweep")) == before


def failing_once(monkeypatch, seed):
    """A server that raises at its 40th arrival, in the run of one seed; until the patch is undone."""
    from byzsgd.run.running import Running

    after = Running.after

    def fails(self, event):
        if self.screen.label and f"seed-{seed}_" in self.screen.label and self.world.arrivals == 40:
            raise RuntimeError("the server is on fire")
        return after(self, event)

    monkeypatch.setattr(Running, "after", fails)


def test_an_error_is_forgotten_when_its_job_succeeds(tmp_path, capsys, monkeypatch):
    sweep = ["train", "-m", "seed=0,1", *TINY, "checkpoint_every=30", "hydra.sweep.dir=sweep"]
    with monkeypatch.context() as patch:
        failing_once(patch, 1)
        assert main(sweep) == 1
    (error,) = tmp_path.glob("sweep/*/error.txt")
    assert error.read_text().startswith("RuntimeError: the server is on fire")
    assert "Traceback" in error.read_text()
    assert "the server is on fire" in capsys.readouterr().err
    assert main(["status", "sweep"]) == 0
    status = capsys.readouterr().out
    assert "failed: " in status
    assert "1 of 2 done, 1 failed" in status
    assert main(sweep) == 0
    captured = capsys.readouterr()
    assert "resumed" in captured.out
    assert captured.err == ""
    assert not error.exists()
    of_sweep = ("train", "-m", "seed=0,1", "hydra.sweep.dir=sweep")
    settings = [word for word in sweep if word not in of_sweep]
    assert main(["train", *settings, "seed=1", "hydra.run.dir=alone"]) == 0
    alone, again = byzsgd.load("alone"), byzsgd.load(error.parent)
    assert alone.arrivals.equals(again.arrivals)


def test_a_failed_job_can_be_resumed_by_itself(tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        failing_once(patch, 1)
        assert main(["train", "-m", "seed=0,1", *TINY, "checkpoint_every=30", "hydra.sweep.dir=sweep"]) == 1
    assert main(["resume", "sweep"]) == 0
    capsys.readouterr()
    assert main(["status", "sweep"]) == 0
    assert capsys.readouterr().out == "sweep: 2 of 2 done\n"


def test_two_processes_share_a_sweep(tmp_path):
    with started(*SIX, folder=tmp_path) as one, started(*SIX, folder=tmp_path) as two:
        (first, said), (second, too) = ended(one), ended(two)
    assert (first, second) == (0, 0), said + too
    assert len(done(tmp_path / "sweep")) == 6
    assert not list(tmp_path.glob("sweep/*/error.txt"))
    both = said + too
    skipped = both.count("done before: finished,")
    assert both.count(": finished,") - skipped == 6, both  # no run was computed twice
    assert skipped + len(re.findall(r"^\S+: running elsewhere$", both, re.MULTILINE)) == 6, both


def test_what_another_process_has_in_hand_is_left_to_it(tmp_path, capsys):
    sweep = ["train", "-m", "seed=0,1", *TINY, "hydra.sweep.dir=sweep"]
    assert main(sweep) == 0
    held, other = done(tmp_path / "sweep")
    (held / "DONE").unlink()
    capsys.readouterr()
    with locked(held):
        assert main(sweep) == 0
        captured = capsys.readouterr()
        assert f"{held.name}: running elsewhere" in captured.out
        assert "running elsewhere: sweep/" in captured.err
        assert main(["status", "sweep"]) == 0
        assert "1 of 2 done, 1 running" in capsys.readouterr().out
    assert not (held / "error.txt").exists()
    # The lock file that a killed process leaves behind holds nobody up.
    (held / ".lock").write_text('{"pid": 1, "host": "elsewhere", "since": "2020-01-01"}')
    assert main(sweep) == 0
    assert len(done(tmp_path / "sweep")) == 2


def test_a_damaged_result_is_named_and_the_others_are_shown(tmp_path, capsys):
    sweep = ["train", "-m", "seed=0,1,2", *TINY, "hydra.sweep.dir=sweep"]
    assert main(sweep) == 0
    damaged = done(tmp_path / "sweep")[0]
    (damaged / "metrics.jsonl").write_text("")
    capsys.readouterr()
    assert main(sweep) == 1
    captured = capsys.readouterr()
    assert "metrics.jsonl is damaged" in captured.err
    assert "  2 " in captured.out  # the table has the other two


def test_jobs_of_other_sweeps_in_the_folder_do_not_count(tmp_path, capsys):
    assert main(["train", "-m", "seed=-1,0", *TINY, "hydra.sweep.dir=sweep"]) == 1
    assert main(["train", "-m", "seed=1,0", *TINY, "hydra.sweep.dir=sweep"]) == 0
    capsys.readouterr()
    assert main(["status", "sweep"]) == 0
    assert "2 of 3 done, 1 failed" in capsys.readouterr().out


def test_a_cut_off_sweep_resumes_what_is_broken_and_runs_the_rest(tmp_path, capsys, monkeypatch):
    from contextlib import contextmanager

    sweep = ["train", "-m", "seed=0,1,2", *TINY, "hydra.sweep.dir=sweep"]
    asked = iter(range(10**6))

    @contextmanager
    def interrupted_in_the_second_run():
        yield lambda: signal.SIGINT if next(asked) == 100 else 0

    with monkeypatch.context() as patch:
        patch.setattr("byzsgd.run.experiment.stop_signals", interrupted_in_the_second_run)
        assert main(sweep) == 130
    capsys.readouterr()
    assert main(["status", "sweep"]) == 0
    assert "1 of 3 done, 1 broken, 1 waiting" in capsys.readouterr().out
    assert main(sweep) == 0
    output = capsys.readouterr().out
    assert output.count("done before") == 1
    assert output.count("resumed ") == 1
    assert len(done(tmp_path / "sweep")) == 3


def test_a_published_grid_is_one_command(tmp_path, capsys):
    """`hydra.sweeper.params` of an experiment; its jobs are known to `status` before they run."""
    sweep = ["train", "-m", "experiment=quickstart", *TINY[:2], "budget.arrivals=60", "eval_every=60"]
    assert main([*sweep, "attack=none", "hydra.sweep.dir=sweep"]) == 0
    assert len(done(tmp_path / "sweep")) == 6
    one = done(tmp_path / "sweep")[0]
    for path in sorted(one.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    one.rmdir()
    capsys.readouterr()
    assert main(["status", "sweep"]) == 0
    assert capsys.readouterr().out == "sweep: 5 of 6 done, 1 waiting\n"
