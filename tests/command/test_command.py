"""The command line as people use it: real `main`, tiny settings."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest

import byzsgd
from byzsgd.cli import main

TINY = ("num_workers=7", "num_byzantine=1", "budget.arrivals=60", "eval_every=30", "batch_size=4")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Relative output folders go to a place of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return tmp_path


def test_a_run_leaves_a_whole_folder(tmp_path, capsys):
    assert main(["train", "attack=lie", *TINY, "hydra.run.dir=here"]) == 0
    screen = capsys.readouterr().out
    assert "kardam under lie" in screen
    assert "honest accepted" in screen
    assert "next: byzsgd plot here" in screen
    names = {path.relative_to(tmp_path / "here").as_posix() for path in (tmp_path / "here").rglob("*")}
    assert {"config.yaml", "info.json", "metrics.jsonl", "DONE"} <= names
    assert any(name.startswith("arrivals/") and name.endswith(".parquet") for name in names)
    run = byzsgd.load(tmp_path / "here")
    assert run.info["status"] == "finished"
    assert run.choices["attack"] == "lie"
    assert run.config["num_workers"] == 7
    assert run.arrivals.columns == [
        *("arrival", "time", "worker", "serial", "byzantine", "read_at", "read_at_true", "step", "staleness"),
        *("accepted", "reason", "weight", "norm", "bits", "updated", "lipschitz", "lipschitz_threshold"),
    ]
    assert len(run.arrivals) == 60
    assert run.metrics.columns[:6] == ["step", "time", "arrivals", "train_loss", "test_loss", "test_accuracy"]
    assert run.metrics["arrivals"].to_list() == [0, 30, 60]


def test_the_same_command_gives_the_same_records(tmp_path):
    for folder in ("one", "two"):
        assert main(["train", "attack=gaussian", *TINY, f"hydra.run.dir={folder}"]) == 0
    runs = [byzsgd.load(tmp_path / folder) for folder in ("one", "two")]
    assert runs[0].arrivals.equals(runs[1].arrivals)
    assert runs[0].metrics.equals(runs[1].metrics)
    assert byzsgd.experiment("attack=gaussian", *TINY).run().arrivals.equals(runs[0].arrivals)


def test_a_sweep_and_its_figures(tmp_path, capsys):
    sweep = ["train", "-m", "aggregator=asgd,kardam", "attack=none,reversed", "seed=range(2)", *TINY]
    assert main([*sweep, "hydra.sweep.dir=sweep"]) == 0
    assert "over seeds" in capsys.readouterr().out
    runs = [byzsgd.load(path.parent) for path in (tmp_path / "sweep").glob("*/DONE")]
    assert len(runs) == 8
    schedules = {run.config["seed"]: set() for run in runs}
    for run in runs:
        schedules[run.config["seed"]].add(str(run.arrivals.select("time", "worker", "serial").rows()))
    assert [len(found) for found in schedules.values()] == [1, 1]
    assert main(["plot", "sweep", "--kind", "accuracy", "--kind", "acceptance", "--format", "png"]) == 0
    drawn = {path.name for path in (tmp_path / "sweep").glob("*.*g")}
    assert drawn == {"accuracy-updates.png", "accuracy-time.png", "acceptance.png"}


@pytest.mark.parametrize(
    "overrides",
    [
        ("aggregator=kardam", "aggregator/damping=exponential", "delay=d2", "num_workers=20", "num_byzantine=6"),
        (
            *("aggregator=kardam", "aggregator/rule=krum", "aggregator/collector=buffer"),
            *("aggregator.collector.size=11", "num_workers=20", "num_byzantine=4"),
        ),
        ("aggregator=krum", "attack=not_a_number"),
        ("aggregator=trimmed_mean", "attack=ipm", "partition=dirichlet"),
        ("aggregator=dynsgd", "attack=label_flip", "delay=normal", "delay/heterogeneity=linear", "delay.std=.2"),
        ("aggregator=asgd", "model=logistic_regression", "optimizer/schedule=inverse_power", "optimizer.momentum=.9"),
        ("dataset=least_squares", "aggregator=asgd", "num_byzantine=0"),
    ],
    ids=lambda overrides: " ".join(overrides)[:60],
)
def test_compositions_that_users_type(overrides):
    run = byzsgd.experiment("budget.arrivals=80", "batch_size=4", *overrides).run()
    assert run.info["status"] == "finished"
    assert len(run.arrivals) == 80


def test_undefended_sgd_diverges_under_reversed_and_says_so():
    run = byzsgd.experiment("aggregator=asgd", "attack=reversed", "attack.scale=1e6", "budget.arrivals=2000").run()
    assert run.info["status"] == "diverged"
    last = run.metrics.row(-1, named=True)
    assert last["test_accuracy"] == 0.0
    assert last["train_loss"] != last["train_loss"]
    assert last["arrivals"] == len(run.arrivals) or last["arrivals"] == len(run.arrivals) + 1


MISTAKES = [
    (["aggregator=kadram"], "no aggregator 'kadram'; did you mean kardam?"),
    (["attack=alie"], "no attack 'alie'; did you mean lie?"),
    (["aggregator/rule=brute"], "no aggregator/rule 'brute'"),
    (["num_wrokers=4"], "no setting 'num_wrokers'; did you mean num_workers?"),
    (["aggregator.filters.lipschitz.candidat=server"], "'candidat'"),
    (["aggregator.filters.lipschitz.candidate=both"], "candidate needs one of worker, server; got 'both'"),
    (["num_workers=abc"], "num_workers needs a whole number; got 'abc'"),
    (["num_workers=9", "num_byzantine=3"], "needs num_workers > 3f; got num_workers=9, f=3"),
    (["aggregator=krum", "num_workers=8"], "krum needs k >= 2f+3; got k=8, f=3"),
    (["optimizer.lr=-1"], "lr >= 0; got lr=-1"),
    (["num_workers=0", "num_byzantine=0"], "num_workers needs a value >= 1; got num_workers=0"),
    (["num_byzantine=16"], "num_byzantine <= num_workers"),
    (["byzantine_ids=[1,1,2]"], "different ids"),
    (["attack=lie", "knowledge=own"], "attack lie needs knowledge=delivered or more; got knowledge=own"),
    (["delay=d1", "knowledge=in_flight"], "prescribed staleness"),
    (["seed=["], "cannot read the override 'seed=['"),
    (["budget.arrivals=0"], "budget.arrivals needs a value > 0"),
    (
        ["aggregator=throttle", "aggregator.anchor_radius=.inf"],
        "aggregator.anchor_radius needs a number; got '.inf' (in an override: inf)",
    ),
    (["budget.arrivals=null"], "budget.arrivals needs a whole number; got None"),
    (["device=tpu0"], "device needs one that this machine has"),
    (["aggregator._target_=os.system"], "needs a _target_ within byzsgd, torch"),
    (["aggregator._target_=torch.os.system"], "needs a _target_ within byzsgd, torch"),
    (["aggregator._target_=byzsgd.nothing"], "that exists"),
    (["hydra.run.dir=blocked/run"], "blocked"),
]


@pytest.mark.parametrize(("overrides", "sentence"), MISTAKES, ids=lambda value: " ".join(value)[:40])
def test_a_mistake_is_one_line(overrides, sentence, tmp_path, capsys):
    (tmp_path / "blocked").write_text("a file where a folder should be")
    assert main(["train", *overrides]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("byzsgd: ")
    assert sentence in captured.err
    assert captured.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) in (["blocked"], ["blocked", "outputs"])


def test_the_traceback_is_there_for_who_asks(monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(ValueError, match="num_workers > 3f"):
        main(["train", "num_workers=9"])


def test_one_failing_job_does_not_stop_a_sweep(tmp_path, capsys):
    sweep = ["train", "-m", "aggregator=asgd", "attack=none", "byzantine_ids=[0],[9]", *TINY, "hydra.sweep.dir=sweep"]
    assert main(sweep) == 1
    assert len(list((tmp_path / "sweep").glob("*/DONE"))) == 1
    (error,) = (tmp_path / "sweep").glob("*/error.txt")
    assert error.read_text().startswith("byzantine_ids needs")
    assert "failed:" in capsys.readouterr().err


def test_list_shows_every_member_with_its_reference(capsys):
    assert main(["list"]) == 0
    everything = capsys.readouterr().out
    for name in ("kardam", "lie", "exponential", "digits", "krum", "lipschitz"):
        assert name in everything
    assert main(["list", "rule"]) == 0
    rules = capsys.readouterr().out
    assert "1703.02757" in rules  # Krum
    assert "k >= 2f+3" in rules
    assert main(["list", "atack"]) == 2
    assert "did you mean attack?" in capsys.readouterr().err


def test_every_member_is_described(capsys):
    from byzsgd import catalogue

    for group in catalogue.groups():
        for member in catalogue.members(group):
            assert member.description, f"{group}/{member.name}"


def test_hydras_own_flags_still_work(capsys):
    assert main(["train", "--cfg", "job", "aggregator=krum"]) == 0
    assert "byzsgd.aggregators.rules.krum" in capsys.readouterr().out
    assert main(["train", "--help"]) == 0
    assert "trimmed_mean" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["list", "aggregator"], ["--version"]])
def test_quick_answers_import_nothing_heavy(arguments):
    script = (
        "import sys\nfrom byzsgd.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'matplotlib', 'polars', 'hydra', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_composing_inside_a_running_job_and_twice():
    names = [type(byzsgd.experiment(f"aggregator={name}").aggregator).__name__ for name in ("kardam", "asgd")]
    assert names == ["Pipeline", "Pipeline"]
    frame = byzsgd.experiment(*TINY).run().arrivals
    assert frame.schema["lipschitz"] == pl.Float64
