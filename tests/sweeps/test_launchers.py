"""Sweeps that leave their process, and sweepers that ask for results. Those that are not installed are skipped."""

from __future__ import annotations

import pytest
from hydra.errors import MissingConfigException
from processes import SIX, SIXTY, done, ended, killed_midway_and_started_again, prints, started
from threadpoolctl import threadpool_info

import byzsgd
from byzsgd import config
from byzsgd.cli import main

pytestmark = pytest.mark.usefixtures("elsewhere")

TINY = ("num_workers=7", "num_byzantine=1", "batch_size=4", "budget.arrivals=60", "eval_every=30")
SWEEP = ("train", "-m", "seed=0,1,-1", *TINY, "hydra.sweep.dir=sweep")


def joblib():
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="pip install 'byzsgd[joblib]'")
    return ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


@pytest.mark.slow
def test_six_jobs_on_two_cores_killed_midway(tmp_path):
    killed_midway_and_started_again(SIX, 6, 2, tmp_path, joblib())
    assert {len(byzsgd.load(folder).arrivals) for folder in done(tmp_path / "sweep")} == {500}


@pytest.mark.slow
def test_sixty_jobs_on_two_cores_killed_midway(tmp_path):
    killed_midway_and_started_again(SIXTY, 60, 25, tmp_path, joblib())


def two_done_and_one_failed(tmp_path, *extra):
    """In a process of its own, because launchers leave pools and sockets behind. Returns what it said."""
    with started(*SWEEP, *extra, folder=tmp_path) as process:
        code, output = ended(process)
    assert code == 1, output
    assert len(done(tmp_path / "sweep")) == 2, output
    assert "seed needs a value >= 0; got seed=-1" in output
    assert "Traceback" not in output
    before = prints(done(tmp_path / "sweep"))
    with started(*SWEEP, *extra, folder=tmp_path) as process:
        assert ended(process)[0] == 1
    assert prints(done(tmp_path / "sweep")) == before
    (alone,) = [folder for folder in done(tmp_path / "sweep") if "seed-1_" in folder.name]
    here = byzsgd.experiment("seed=1", *TINY).run()
    assert byzsgd.load(alone).arrivals.equals(here.arrivals)
    return output


@pytest.mark.slow
def test_one_job_that_raises_under_joblib(tmp_path):
    two_done_and_one_failed(tmp_path, *joblib())


@pytest.mark.slow
def test_slurms_local_mode(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="pip install 'byzsgd[submitit]'")
    two_done_and_one_failed(tmp_path, "hydra/launcher=submitit_local")


@pytest.mark.slow
def test_rays_local_mode(tmp_path):
    pytest.importorskip("ray", reason="pip install 'byzsgd[ray]'")
    said = two_done_and_one_failed(tmp_path, "hydra/launcher=ray")
    assert said.count(": finished, test accuracy") == 2  # the lines of its jobs
    assert not {word for word in ("raylet", "ray::", "pid=", "local Ray instance") if word in said}, said


@pytest.mark.parametrize("said", ["The current node timed out.\nraw text", ""])
def test_a_ray_that_does_not_start_is_one_line(said, monkeypatch, capsys):
    def init(**settings):
        raise Exception(said)

    for name in ("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.setenv(name, "")  # what the launcher sets is taken back
    monkeypatch.setitem(__import__("sys").modules, "ray", type("Ray", (), {"init": init}))
    assert main([*SWEEP, "hydra/launcher=ray"]) == 2
    told = capsys.readouterr().err
    assert "hydra/launcher=ray needs a Ray that starts; got address=local (" in told
    assert "raw text" not in told and "Traceback" not in told


def test_ray_is_named_where_it_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    assert main([*SWEEP, "hydra/launcher=ray"]) == 2
    assert "pip install 'byzsgd[ray]'" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "extra"), config.EXTRAS.items())
def test_an_extra_is_named_where_it_is_missing(name, extra):
    error = MissingConfigException("", missing_cfg_file=name, options=["basic"])
    group, _, member = name.rpartition("/")
    assert config.explain(error) == f"{group}={member} needs a package (pip install 'byzsgd[{extra}]')"


def test_lanes_runs_one_after_another_in_one_process(tmp_path, capsys):
    jobs = ("train", "-m", "seed=0,1", "num_workers=2,7", *TINY[1:])
    assert main([*jobs, "hydra/launcher=lanes", "hydra.sweep.dir=lanes"]) == 1
    said = capsys.readouterr().err
    assert "hydra/launcher=lanes runs one after another in one process" in said
    assert said.count("num_workers > 3f") == 2
    main([*jobs, "hydra.sweep.dir=basic"])
    ours, theirs = done(tmp_path / "lanes"), done(tmp_path / "basic")
    assert [folder.name for folder in ours] == [folder.name for folder in theirs]
    assert len(ours) == 2
    for one, other in zip(ours, theirs, strict=True):
        assert byzsgd.load(one).arrivals.equals(byzsgd.load(other).arrivals)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_keeps_to_its_threads(threads, monkeypatch):
    """So that k jobs keep k cores busy and no more, whatever the libraries would take."""
    import torch

    from byzsgd.run.running import Running

    seen = set()
    after = Running.after

    def noted(running, event):
        blas = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
        seen.update({("torch", torch.get_num_threads()), *(("blas", count) for count in blas)})
        return after(running, event)

    monkeypatch.setattr(Running, "after", noted)
    byzsgd.experiment(f"threads={threads}", *TINY, "budget.arrivals=2").run()
    assert ("torch", threads) in seen
    assert all(count <= threads for _, count in seen)
