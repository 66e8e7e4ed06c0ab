"""What a sweep tells a script: its exit code, its folder, and what became of every job."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from processes import done, ended, prints, started, wait_until

import byzsgd
from byzsgd.cli import main
from byzsgd.records import locked

pytestmark = pytest.mark.usefixtures("elsewhere")

TINY = ("num_workers=7", "num_byzantine=1", "batch_size=4", "budget.arrivals=60", "eval_every=30")


def experiment_file(folder, text):
    (folder / "mine" / "experiment").mkdir(parents=True)
    (folder / "mine" / "experiment" / "own.yaml").write_text(f"# @package _global_\n{text}")
    return ("--config-dir", "mine", "experiment=own")


@pytest.mark.parametrize("word", ["nf_${now:%Y}", "nf_${oc.env:PLACE}", "nf_$[]'x"], ids=["now", "env", "odd"])
def test_a_failed_job_is_told_wherever_the_sweep_goes(word, tmp_path, capsys, monkeypatch):
    """1a: the folder is the one that Hydra makes of the words, not the words."""
    monkeypatch.setenv("PLACE", "here")
    written = "'nf_$[]\\'x'" if "[" in word else word
    assert main(["train", "-m", "seed=-1,0", *TINY, f"hydra.sweep.dir={written}"]) == 1
    captured = capsys.readouterr()
    assert "failed: nf_" in captured.err
    assert "final" in captured.out  # the closing table
    (folder,) = tmp_path.glob("nf_*")
    assert len(done(folder)) == 1


@pytest.mark.parametrize("way", ["option", "file"])
def test_a_sweep_is_a_sweep_however_it_was_asked_for(way, tmp_path, capsys):
    """1b, 1c: with other options beside -m, and where a file says so; the folder may stand in the file too."""
    mode = "hydra: {mode: MULTIRUN, sweep: {dir: there}}\n" if way == "file" else "hydra: {sweep: {dir: there}}\n"
    words = experiment_file(tmp_path, f"num_workers: 7\n{mode}")
    assert main(["train", *(["-m"] if way == "option" else []), *words, "seed=-1,0", *TINY]) == 1
    assert "failed: there/" in capsys.readouterr().err
    assert len(done(tmp_path / "there")) == 1
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("notes", ["null", "notes"])
def test_a_sweep_needs_no_file_of_hydras(notes, tmp_path, capsys):
    """2: a finished sweep said "2 jobs did not begin" for ever."""
    sweep = ["train", "-m", "seed=0,1", *TINY, f"hydra.output_subdir={notes}", "hydra.sweep.dir=sweep"]
    assert main(sweep) == 0
    assert main(sweep) == 0
    assert capsys.readouterr().err == ""
    assert main(["status", "sweep"]) == 0
    assert capsys.readouterr().out == "sweep: 2 of 2 done\n"


def test_a_refusal_leaves_anothers_run_alone(tmp_path, capsys):
    """3: job 0 of another sweep is refused in the folder 0, whose run stays done."""
    place = ("hydra.sweep.dir=sweep", "hydra.sweep.subdir=${hydra.job.num}")
    assert main(["train", "-m", "seed=0,1", *TINY, *place]) == 0
    before = prints(done(tmp_path / "sweep"))
    capsys.readouterr()
    assert main(["train", "-m", "seed=2", *TINY, *place]) == 1
    captured = capsys.readouterr()
    assert "refused: " in captured.err
    assert "seed=2 instead of 0" in captured.err
    assert "1 jobs did not begin" in captured.err
    assert not list(tmp_path.glob("sweep/*/error.txt"))
    assert prints(done(tmp_path / "sweep")) == before
    assert main(["status", "sweep"]) == 0
    assert "failed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["seed=0,abc"], "seed needs a whole number; got 'abc'"),
        (["seed=abc"], "seed needs a whole number; got 'abc'"),
        (["aggregator=asgd,kadram"], "no aggregator 'kadram'; did you mean kardam?"),
        (["seed=0,1", "sweep.impossible=maybe"], "sweep.impossible needs one of fail, skip; got 'maybe'"),
        (["aggregator=kardam,asgd", "aggregator.rul=1"], "no setting 'rul' in aggregator"),
    ],
)
def test_a_mistake_in_one_combination_is_told_before_the_first_job(words, sentence, tmp_path, capsys):
    """4"""
    assert main(["train", "-m", *words, *TINY, "hydra.sweep.dir=sweep"]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out in ("", "no result in sweep\n")
    assert not list(tmp_path.glob("sweep/*/"))


GRID = ["train", "-m", "aggregator=asgd,krum", "num_workers=4,7", *TINY[1:], "attack=none", "hydra.sweep.dir=sweep"]


def test_impossible_combinations_can_be_left_out(tmp_path, capsys):
    """4: krum needs n >= 2f+3, which the grid has once; jobs are numbered as they are launched."""
    numbered = "hydra.sweep.subdir=${hydra.job.num}"
    assert main([*GRID, "sweep.impossible=skip", numbered]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("1 of 4 combinations are impossible, left out: krum needs k >= 2f+3; got k=4, f=1\n")
    assert captured.err == ""
    assert sorted(folder.name for folder in done(tmp_path / "sweep")) == ["0", "1", "2"]
    assert main(["status", "sweep"]) == 0
    assert capsys.readouterr().out == "sweep: 3 of 3 done, 1 impossible left out\n"


def test_else_they_fail_and_are_told_at_once(tmp_path, capsys):
    assert main(GRID) == 1
    captured = capsys.readouterr()
    assert "1 of 4 combinations are impossible, that will fail (sweep.impossible=skip leaves them out)" in captured.out
    assert "__aggregator-krum" not in captured.out.splitlines()[0]
    assert ": failed, krum needs k >= 2f+3; got k=4, f=1" in captured.out  # the line as it happens
    assert len(done(tmp_path / "sweep")) == 3


def test_skipping_and_stopping_are_no_part_of_the_identity():
    from byzsgd.records import run_id

    ids = {run_id(byzsgd.experiment(*words).config) for words in ((), ("sweep.impossible=skip", "sweep.on_error=stop"))}
    assert len(ids) == 1


def test_a_sweep_can_stop_at_its_first_failure(tmp_path, capsys):
    """8"""
    assert main(["train", "-m", "seed=0,-1,1,2", *TINY, "sweep.on_error=stop", "hydra.sweep.dir=sweep"]) == 1
    captured = capsys.readouterr()
    assert len(done(tmp_path / "sweep")) == 1
    assert "seed needs a value >= 0" in captured.err
    assert "2 jobs did not begin" in captured.err
    assert not list((tmp_path / "sweep").glob(".stop*"))


LONG = ("num_workers=7", "num_byzantine=1", "batch_size=4", "budget.arrivals=10000000", "checkpoint_every=5000000")


def stopped(tmp_path, number, *words, jobs=1):
    """A process that is told to stop once its runs are under way; its exit code, what it said, and its folders."""
    with started("train", *LONG, *words, folder=tmp_path) as process:
        begun = lambda: list(tmp_path.rglob("metrics.jsonl"))  # noqa: E731
        wait_until(lambda: len(begun()) >= jobs and all(path.stat().st_size for path in begun()), process)
        os.kill(process.pid, number)
        code, said = ended(process)
    return code, said, [path.parent for path in begun()]


@pytest.mark.parametrize(
    "name",
    ["SIGHUP", *(pytest.param(f"SIG{each}", marks=pytest.mark.slow) for each in ("TERM", "USR1", "USR2", "XCPU"))],
)
def test_signals_save_a_run(name, tmp_path):
    """5: the exit code is 128 + n, and the line names the folder."""
    code, said, (folder,) = stopped(tmp_path, getattr(signal, name), "hydra.run.dir=run")
    assert code == 128 + getattr(signal, name), said
    assert "byzsgd resume run, goes on" in said
    assert byzsgd.load(folder).info["status"] == "interrupted"
    assert list((folder / "checkpoints").glob("*.safetensors"))


@pytest.mark.slow
def test_nohup_is_heard(tmp_path):
    """5: where SIGHUP is ignored, it stays so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with started("train", *TINY, "budget.arrivals=3000", "hydra.run.dir=run", folder=tmp_path) as process:
            wait_until(lambda: (tmp_path / "run" / "metrics.jsonl").exists(), process)
            os.kill(process.pid, signal.SIGHUP)
            assert ended(process)[0] == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("launcher", "number", "group"),
    [
        pytest.param("joblib", signal.SIGTERM, False, marks=pytest.mark.slow),
        pytest.param("joblib", signal.SIGINT, True, marks=pytest.mark.slow),
        pytest.param("submitit_local", signal.SIGTERM, False, marks=pytest.mark.slow),
        pytest.param("ray", signal.SIGTERM, False, marks=pytest.mark.slow),
        pytest.param("lanes", signal.SIGTERM, False, marks=pytest.mark.slow),
    ],
)
def test_a_launching_process_stops_and_saves_its_workers(launcher, number, group, tmp_path):
    """5: they went on computing, or were killed before they could save. Ctrl-C goes to the whole group."""
    plugin = {"joblib": "hydra_plugins.hydra_joblib_launcher", "submitit_local": "submitit", "ray": "ray"}
    pytest.importorskip(plugin.get(launcher, "byzsgd"))
    jobs = 1 if launcher == "lanes" else 2
    extra = ("hydra.launcher.n_jobs=2",) if launcher == "joblib" else ()
    words = ("train", "-m", "seed=0,1,2", *LONG, f"hydra/launcher={launcher}", *extra, "hydra.sweep.dir=sweep")
    with started(*words, folder=tmp_path) as process:
        begun = lambda: [each for each in tmp_path.glob("sweep/*/metrics.jsonl") if each.stat().st_size]  # noqa: E731
        wait_until(lambda: len(begun()) >= jobs, process)
        (os.killpg if group else os.kill)(process.pid, number)
        code, said = ended(process)
    assert code == 128 + number, said
    for path in begun():
        assert byzsgd.load(path.parent).info["status"] == "interrupted", said
        with locked(path.parent):
            pass
        assert list((path.parent / "checkpoints").glob("*.safetensors"))
    assert not list((tmp_path / "sweep").glob(".stop*"))


def test_a_signal_is_obeyed_inside_one_long_event(tmp_path):
    """5: an event that takes longer than the grace is broken off; the run goes on from its last checkpoint."""
    (tmp_path / "slow_rule.py").write_text(
        "import time\n"
        "from pathlib import Path\n"
        "from byzsgd.run import signals\n"
        "from byzsgd.workers import gradient\n\n"
        "signals.GRACE = 0.2\n\n\n"
        "class Slow(gradient):\n"
        "    def message(self, state, job, results):\n"
        "        if job.serial == 3:\n"
        "            Path('asleep').touch()\n"
        "            time.sleep(600)\n"
        "        return super().message(state, job, results)\n"
    )
    words = ("worker._target_=slow_rule.Slow", "plugins=[slow_rule]", "checkpoint_every=2", "hydra.run.dir=run")
    with started("train", *TINY, *words, folder=tmp_path) as process:
        wait_until(lambda: (tmp_path / "asleep").exists(), process)
        process.terminate()
        code, said = ended(process)
    assert code == 128 + signal.SIGTERM, said
    assert "byzsgd resume run, goes on" in said
    assert list((tmp_path / "run" / "checkpoints").glob("*.safetensors"))


def test_runs_are_found_behind_links_and_inside_runs(tmp_path, capsys):
    """8: loops are guarded, and nothing is shown twice."""
    assert main(["train", *TINY, "hydra.run.dir=far/outer"]) == 0
    assert main(["train", *TINY, "seed=1", "hydra.run.dir=far/outer/inner"]) == 0
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "linked").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "loop").symlink_to(tmp_path / "near")
    capsys.readouterr()
    assert main(["status", "near"]) == 0
    assert capsys.readouterr().out == "near: 2 of 2 done\n"
    assert main(["compare", "near"]) == 0
    assert main(["resume", "near"]) == 0
    assert "nothing to go on with: 2 runs" in capsys.readouterr().out


def test_a_newer_record_is_told_by_status_as_by_compare(tmp_path, capsys):
    """8"""
    assert main(["train", *TINY, "hydra.run.dir=run"]) == 0
    info = tmp_path / "run" / "info.json"
    info.write_text(info.read_text().replace('"format": 1', '"format": 9'))
    capsys.readouterr()
    assert main(["status", "run"]) == 0
    sentence = "run has records of format 9, this version reads format 1"
    assert sentence in capsys.readouterr().out
    for command in ("compare", "report", "plot", "resume"):
        assert main([command, "run"]) == 2
        assert sentence in capsys.readouterr().err


def test_a_finished_run_is_shown_without_touching_its_folder(tmp_path, capsys):
    """8: one may only be allowed to read it."""
    command = ["train", *TINY, "hydra.run.dir=run"]
    assert main(command) == 0
    everything = {path: path.stat().st_mtime_ns for path in [tmp_path / "run", *(tmp_path / "run").rglob("*")]}
    for again in (command, ["resume", "run"]):
        capsys.readouterr()
        assert main(again) == 0
        assert "run is finished already" in capsys.readouterr().out
        assert {path: path.stat().st_mtime_ns for path in everything} == everything
    shutil.rmtree(tmp_path / "run" / ".hydra")
    assert byzsgd.experiment(*TINY).run("run").info["status"] == "finished"


def test_paths_work_from_where_the_user_stands(tmp_path, capsys):
    """8: hydra.job.chdir made them relative to the run."""
    assert main(["train", *TINY, "hydra.job.chdir=true", "hydra.run.dir=run"]) == 0
    assert f"next: byzsgd plot {tmp_path / 'run'}" in capsys.readouterr().out
