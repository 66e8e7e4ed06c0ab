"""The command line as people use it: real `main`, tiny settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import byzsgd
from byzsgd.cli import main

pytestmark = pytest.mark.usefixtures("elsewhere")

TINY = ("num_workers=7", "num_byzantine=1", "budget.arrivals=60", "eval_every=30", "batch_size=4")


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
    assert "final test accuracy" in capsys.readouterr().out
    runs = [byzsgd.load(path.parent) for path in (tmp_path / "sweep").glob("*/DONE")]
    assert len(runs) == 8
    schedules = {run.config["seed"]: set() for run in runs}
    for run in runs:
        schedules[run.config["seed"]].add(str(run.arrivals.select("time", "worker", "serial").rows()))
    assert [len(found) for found in schedules.values()] == [1, 1]
    assert main(["plot", "sweep", "--kind", "accuracy", "--kind", "acceptance", "--format", "png"]) == 0
    drawn = {path.name for path in (tmp_path / "sweep" / "figures").iterdir()}
    assert drawn == {"accuracy-arrivals.png", "acceptance-arrivals.png"}
    assert {path.suffix for path in (tmp_path / "sweep").iterdir()} <= {"", ".yaml", ".json"}
    capsys.readouterr()
    assert main(["plot", "sweep", "--list", "--select", "aggregator=kardam"]) == 0
    listed = capsys.readouterr().out.split()
    assert {"accuracy", "acceptance", "coefficients"} <= set(listed) and "suboptimality" not in listed
    words = ["--select", "aggregator=kardam", "--select", "seed=0", "--output", "one", "--kind", "bars"]
    assert main(["plot", "sweep", *words, "--width", "column"]) == 0
    capsys.readouterr()
    assert main(["compare", "sweep", "--columns", "final accuracy", "--output", "tables"]) == 0
    assert (tmp_path / "tables" / "outcomes.csv").read_text().splitlines()[1].startswith("asgd,none,")  # as typed
    for word, sentence in (
        ("aggregator=krum", "--select needs a value of aggregator: asgd, kardam; got value=krum"),
        ("agregator=krum", "--select needs a choice or a setting of these runs; got key=agregator"),
        ("kardam", "--select needs KEY=VALUE,VALUE…; got select=kardam"),
    ):
        capsys.readouterr()
        assert main(["plot", "sweep", "--select", word]) == 2
        assert sentence in capsys.readouterr().err


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
    (["optimizer.lr=-1"], "sgd needs 0 <= lr < inf; got lr=-1"),
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
    (["budget.arrivals=null"], "budget.arrivals needs a whole number; got null"),
    (["device=tpu0"], "device needs one that this machine has"),
    (["aggregator._target_=os.system"], "needs a _target_ within byzsgd, torch"),
    (["aggregator._target_=torch.os.system"], "needs a _target_ within byzsgd, torch"),
    (["aggregator._target_=byzsgd.nothing"], "that exists"),
    (["hydra.run.dir=blocked/run"], "blocked"),
    (["optimizer.lr=inf"], "sgd needs 0 <= lr < inf; got lr=inf"),
    (["optimizer.weight_decay=inf"], "sgd needs 0 <= weight_decay < inf; got weight_decay=inf"),
    (["worker=local_steps", "worker.lr=inf"], "local_steps needs 0 < lr < inf; got lr=inf"),
    (["rule=krum"], "no setting 'rule'; did you mean aggregator/rule or scheme/rule?"),
    (["aggregator/rul=krum"], "did you mean aggregator/rule?"),
    (
        ["aggregator/damping=inverse", "aggregator.damping.alpha=1"],
        "no setting 'alpha' in aggregator.damping; it has none",
    ),
    (["aggregator=null"], "aggregator needs the name of a member (byzsgd list aggregator shows them"),
    (["=3"], "an override needs KEY=VALUE or GROUP=MEMBER; got =3"),
    (["delay=d1", "delay/availability=crash"], "delay/availability needs another choice beside it"),
    (["foo"], "an override needs KEY=VALUE or GROUP=MEMBER; got foo"),
    (["--foo"], "no option '--foo'"),
    (["--cfg", "jobs"], "invalid choice: 'jobs'"),
    (["seed=1,2"], "seed needs one value, or -m to sweep over several; got seed=1,2"),
    (["seed=range(3)"], "seed needs one value, or -m"),
    (["-m", "seed=range(0)"], "seed needs at least one value; got seed=range(0)"),
    (["-m", "hydra.run.dir=here"], "hydra.run.dir needs a single run"),
    (["hydra.sweep.dir=here"], "hydra.sweep.dir needs a sweep (-m)"),
    (["hydra/launcher=joblib"], "hydra/launcher needs a sweep (-m)"),
    (["plugins=[no_such_module]"], "plugins needs modules that Python finds (on PYTHONPATH); got no_such_module"),
    (["+config={seed: 1}"], "the experiment has no setting 'config'"),
    (["lr=.1"], "no setting 'lr'; did you mean optimizer.lr?"),
    (["n=20"], "no setting 'n'; did you mean num_workers?"),
    (["epochs=3"], "no setting 'epochs'; did you mean budget.arrivals?"),
    (["attack.num_byzantine=3"], "no setting 'num_byzantine' in attack; did you mean num_byzantine?"),
    (["optimizer.learning_rate=3"], "no setting 'learning_rate' in optimizer; did you mean optimizer.lr?"),
    (["seed=${oc.env:SEVEN}"], "got '7' (a text; of a variable: ${oc.decode:${oc.env:NAME}})"),
    (["--config-name", "foo"], "--config-name needs a primary file of byzsgd's tree or of --config-dir; got foo"),
    (["--config-path", "/tmp"], "--config-path needs byzsgd's own tree (--config-dir FOLDER adds yours to it)"),
    (["--config-dir", "nowhere"], "--config-dir needs a folder; got config_dir=nowhere"),
    (["-m", "--cfg", "job"], "needs one value for each setting and no -m"),
    (["-sc", "query=bash"], "completion needs the script of your shell (byzsgd completion bash)"),
    (["hydra.run.dir=blocked"], "blocked is no folder"),
    (["device=cuda:7"], "device needs one that this machine has (cpu, "),
    (["delay=trace"], "delay.path needs a value: a text; got none"),
    (["delay/heterogeneity=list"], "delay.heterogeneity.values needs a value: a list of numbers; got none"),
    (["partition=dirichlet", "partition.alpha=0"], "partition dirichlet needs 0 < alpha < inf; got alpha=0"),
]


@pytest.mark.parametrize(("overrides", "sentence"), MISTAKES, ids=lambda value: " ".join(value)[:40])
def test_a_mistake_is_one_line(overrides, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SEVEN", "7")
    (tmp_path / "blocked").write_text("a file where a folder should be")
    assert main(["train", *overrides]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("byzsgd: ")
    assert sentence in captured.err
    assert captured.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) in (["blocked"], ["blocked", "outputs"])


@pytest.mark.parametrize("mistake", ["partition.alpha=0", "device=tpu0"])
def test_a_run_that_never_began_leaves_no_folder(mistake, tmp_path):
    assert main(["train", "partition=dirichlet", mistake, *TINY]) == 2
    assert list(tmp_path.glob("outputs/*")) == []
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep this")
    assert main(["train", "partition=dirichlet", mistake, *TINY, "hydra.run.dir=mine"]) == 2
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep this"


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["plot"], ["plot", "here", "--foo"], ["list", "rule", "more"], ["watch", "here", "--every", "x"],
     ["watch", "here", "--every", "0"], ["plot", "here"], ["compare", "here"], ["report", "here"]],
    ids=" ".join,
)  # fmt: skip
def test_a_mistake_in_any_command_is_one_line(arguments, tmp_path, capsys):
    (tmp_path / "here").mkdir()
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("byzsgd: ")
    assert captured.err.count("\n") == 1
    if arguments[1:] == ["here"]:
        assert "byzsgd needs a folder with at least one run in it; got folder=here" in captured.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["list"], 0), (["compare", "run"], 0), (["train", *TINY, "seed=5"], 1)],
    ids=["list", "compare", "train"],
)
def test_a_reader_that_goes_away(arguments, code):
    """`byzsgd compare run | head`: no complaint, but a run that was cut off is not called done."""
    if "run" in arguments:
        assert main(["train", *TINY, "hydra.run.dir=run"]) == 0
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "byzsgd", *arguments]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writing)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == code


def test_without_a_command_the_commands_are_shown(capsys):
    assert main([]) == 2
    assert "resume" in capsys.readouterr().err


def test_a_command_that_there_is_not_is_guessed_at(capsys):
    assert main(["tarin"]) == 2
    assert capsys.readouterr().err == "byzsgd: no command 'tarin'; did you mean train?\n"
    assert main(["help", "train"]) == 0
    assert "groups (choose with GROUP=MEMBER" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["help"])
    assert "resume" in capsys.readouterr().out


def test_a_refused_plugin_names_the_option(tmp_path, capsys):
    assert main(["train", *TINY, "hydra.run.dir=here"]) == 0
    config = tmp_path / "here" / "config.yaml"
    config.write_text(config.read_text().replace("byzsgd.attacks.none", "mine.attack"))
    (tmp_path / "here" / "DONE").unlink()
    capsys.readouterr()
    assert main(["resume", "here"]) == 2
    assert "or a module named by --plugin MODULE; got mine.attack" in capsys.readouterr().err


def test_what_is_printed_can_be_typed(tmp_path, capsys):
    assert main(["train", *TINY, "hydra.run.dir=-odd"]) == 0
    said = capsys.readouterr().out
    assert "next: byzsgd plot ./-odd" in said
    assert main(["compare", "./-odd"]) == 0


def test_options_may_stand_anywhere(tmp_path, capsys):
    assert main(["train", *TINY, "-m", "seed=0,1", "hydra.sweep.dir=sweep"]) == 0
    assert len(list((tmp_path / "sweep").glob("*/DONE"))) == 2
    capsys.readouterr()
    assert main(["train", "seed=7", "--cfg", "job", "aggregator=krum"]) == 0
    shown = capsys.readouterr().out
    assert "seed: 7" in shown
    assert "${" not in shown  # resolved
    assert "byzsgd.aggregators.rules.krum" in shown


def test_a_folder_with_a_space(tmp_path, capsys):
    for written in ("hydra.sweep.dir=a b", "hydra.sweep.dir='a b'"):
        assert main(["train", "-m", "seed=1", *TINY, written]) == 0
        assert "next: byzsgd plot 'a b'" in capsys.readouterr().out
    assert len(list((tmp_path / "a b").glob("*/DONE"))) == 1


def test_members_may_be_chosen_by_pattern(tmp_path):
    assert main(["train", "-m", "attack=glob(i*)", *TINY, "hydra.sweep.dir=sweep"]) == 0
    chosen = {byzsgd.load(done.parent).choices["attack"] for done in (tmp_path / "sweep").glob("*/DONE")}
    assert chosen == {"infinity", "ipm"}


def test_one_run_of_a_sweeping_experiment_says_so(capsys):
    assert main(["train", "experiment=quickstart", *TINY]) == 0
    said = capsys.readouterr().err
    assert "one run of an experiment that varies aggregator, optimizer.lr, attack, seed; -m makes them all" in said


def test_local_steps_that_overflow_are_a_result():
    run = byzsgd.experiment("worker=local_steps", "dataset=phase_retrieval", "budget.arrivals=500").run()
    assert run.info["status"] == "diverged"
    assert "not finite" in run.info["reason"]
    assert run.metrics["train_loss"].is_nan()[-1]


def test_an_honest_vector_without_excuse_is_an_error(tmp_path, monkeypatch, capsys):
    """Model and loss are finite, so the rule is broken: the run has failed, and its folder says so."""
    (tmp_path / "broken_rules.py").write_text(
        "from dataclasses import dataclass, replace\n"
        "from byzsgd.workers import gradient\n\n\n"
        "class Broken(gradient):\n"
        "    def message(self, state, job, results):\n"
        "        message, state = super().message(state, job, results)\n"
        "        return replace(message, vector=message.vector * float('nan')) if job.serial == 2 else message, state\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    broken = ["worker._target_=broken_rules.Broken", "plugins=[broken_rules]", "attack=none", "hydra.run.dir=here"]
    assert main(["train", *TINY, *broken]) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "FloatingPointError: worker " in line
    assert "although its model and its loss are finite" in line
    assert byzsgd.load("here").info["status"] == "failed"
    assert main(["status", "here"]) == 0
    assert capsys.readouterr().out.startswith("failed: here")


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


def test_list_says_what_each_does_and_can_be_searched(capsys, monkeypatch):
    from byzsgd.config import catalogue

    told = [member.description for member in catalogue.members("aggregator")]
    assert len(set(told)) == len(told)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["list", "aggregator"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("  krum ") and "Rounds: The row with the least sum" in line for line in lines)
    assert main(["list", "--search", "median"]) == 0
    said = capsys.readouterr().out
    assert "geometric_median" in said and "label_flip" not in said
    assert main(["list", "--search", "nothing like it"]) == 2


def test_show_tells_everything(capsys):
    assert main(["show", "aggregator/rule=krum"]) == 0
    said = capsys.readouterr().out
    for part in (
        *("Condition: k >= 2f+3", "neighbours: int | None = None", "conf/aggregator/rule/krum.yaml", "@misc{krum,"),
        *("author = {Blanchard and El Mhamdi and Guerraoui and Stainer}", "year = {2017}", "eprint = {1703.02757}"),
        "title = {Machine learning with adversaries: Byzantine tolerant gradient descent}",
    ):
        assert part in said
    assert main(["show", "kardam"]) == 0
    assert "1802.07928" in capsys.readouterr().out
    assert main(["show", "kadram"]) == 2
    assert "no member 'kadram'; did you mean kardam?" in capsys.readouterr().err


@pytest.mark.slow
def test_every_member_is_shown(capsys):
    from byzsgd.config import catalogue

    for group in catalogue.groups():
        for file in catalogue.files(group):
            assert main(["show", f"{group}/{file.stem}"]) == 0


def test_every_member_is_described(capsys):
    from byzsgd.config import catalogue

    for group in catalogue.groups():
        for member in catalogue.members(group):
            assert member.description, f"{group}/{member.name}"


def test_every_member_is_in_the_reference_pages():
    from byzsgd.config import catalogue

    root = Path(__file__).parents[2]
    pages = " ".join(page.read_text() for page in [root / "README.md", *(root / "docs").glob("*.md")])
    words = {*re.findall(r"\w+", pages), *re.findall(r"[\w-]+", pages)}  # names of studies have hyphens
    everything = {f"{group}={member.name}" for group in catalogue.groups() for member in catalogue.members(group)}
    missing = sorted(each for each in everything if each.split("=")[1] not in words)
    assert not missing, f"a page of docs/ needs a row for {', '.join(missing)}: each family has one, see README.md"


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
