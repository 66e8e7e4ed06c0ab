"""The sweeper that optimises: its spaces, its study in a file, and that it goes on."""

from __future__ import annotations

import sys

import pytest
from processes import done, ended, prints, started, wait_until

import byzsgd
from byzsgd.cli import main

optuna = pytest.importorskip("optuna", minversion="4", reason="pip install 'byzsgd[optuna]'")
pytestmark = [
    pytest.mark.usefixtures("elsewhere"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

TINY = ("num_workers=7", "num_byzantine=1", "batch_size=4", "budget.arrivals=60", "eval_every=30")
RATE = ("experiment=learning_rate", *TINY, "hydra.sweep.dir=sweep")
OWN = ("hydra/sweeper=optuna", "hydra.sweeper.sampler.seed=1", *TINY, "hydra.sweep.dir=sweep")


def tried(place="sweep/study.log"):
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    storage = place if "://" in place else JournalStorage(JournalFileBackend(place))
    return optuna.load_study(study_name="byzsgd", storage=storage).trials


def test_it_is_told_what_a_run_is_judged_by_and_goes_on(tmp_path, capsys):
    """3 trials, then 5 of the same study: those of 5 at once."""
    assert main(["train", "-m", *RATE, "hydra.sweeper.n_trials=3"]) == 0
    runs = {run.config["optimizer"]["lr"]: run for run in map(byzsgd.load, done(tmp_path / "sweep"))}
    trials = tried()
    assert {trial.params["optimizer.lr"] for trial in trials} == set(runs)
    best = max(trials, key=lambda trial: trial.value)
    assert f"best: optimizer.lr={best.params['optimizer.lr']} " in capsys.readouterr().out
    before = prints(done(tmp_path / "sweep"))
    assert main(["train", "-m", *RATE, "hydra.sweeper.n_trials=5"]) == 0
    assert prints(done(tmp_path / "sweep")).items() >= before.items()
    assert [trial.params for trial in tried()[:3]] == [trial.params for trial in trials]
    assert main(["train", "-m", *RATE, "hydra.sweeper.n_trials=5", "hydra.sweep.dir=whole"]) == 0
    assert [trial.params for trial in tried("whole/study.log")] == [trial.params for trial in tried()]


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["sqlite:///study.db", "study.file"])
def test_other_storages(storage, tmp_path):
    """sqlite failed with a bare AssertionError."""
    for trials in (1, 2):
        words = (f"hydra.sweeper.n_trials={trials}", f"hydra.sweeper.storage='{storage}'")
        assert main(["train", "-m", *RATE, *words]) == 0
        assert len(tried(storage)) == trials
    assert not (tmp_path / "sweep" / "study.log").exists()


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("optimizer.lr=choice(0.1,0.2)", {0.1, 0.2}),
        ("aggregator=asgd,krum", {"asgd", "krum"}),
        ("seed=range(3,8,2)", {3, 5, 7}),
        ("seed=int(interval(2,4))", {2, 3, 4}),
        ("seed=tag(log,int(interval(1,3)))", {1, 2, 3}),
    ],
)
def test_spaces_are_written_as_in_hydras_own_plugin(word, values):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    from hydra_plugins.byzsgd_optuna.sweeper import _space

    space, fixed = _space(OverridesParser.create().parse_overrides(["batch_size=4", word]))
    assert fixed == ["batch_size=4"]
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    assert {next(iter(study.ask(space).params.values())) for _ in range(40)} == values


def test_a_trial_that_fails_stops_no_other(tmp_path, capsys):
    command = ["train", "-m", *OWN, "hydra.sweeper.n_trials=6", "optimizer.lr=choice(-1.0,0.1)"]
    assert main(command) == 1
    captured = capsys.readouterr()
    assert len(done(tmp_path / "sweep")) == 1
    assert "best: optimizer.lr=0.1 " in captured.out
    assert "sgd needs 0 <= lr < inf; got lr=-1.0" in captured.err


def test_mistakes_are_one_line(capsys, monkeypatch):
    for words, sentence in (
        (["optimizer.lrr=interval(0,1)"], "did you mean lr?"),
        (["optimizer.lr=interval(0.1,1)", "hydra.sweeper.n_trials=0"], "optuna needs n_trials, n_jobs >= 1"),
    ):
        assert main(["train", "-m", *OWN, *words]) == 2
        captured = capsys.readouterr()
        assert sentence in captured.err
        assert captured.err.count("\n") == 1
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(["train", "-m", *OWN, "optimizer.lr=interval(0.1,1)"]) == 2
    assert "pip install 'byzsgd[optuna]'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_that_is_killed_goes_on_as_if_it_had_not_been(tmp_path):
    command = ("train", "-m", *RATE, "hydra.sweeper.n_trials=4", "budget.arrivals=400")
    with started(*command, folder=tmp_path) as process:
        wait_until(lambda: len(done(tmp_path / "sweep")) >= 1, process)
    with started(*command, folder=tmp_path) as process:
        code, said = ended(process)
    assert code == 0, said
    assert main([*command, "hydra.sweep.dir=whole"]) == 0
    found = [trial.params for trial in tried() if trial.state.is_finished()]
    assert found == [trial.params for trial in tried("whole/study.log")]


@pytest.mark.parametrize(("overrides", "sentence"), [
    (("dataset=quadratic",), "validation examples to be judged by (dataset.validation_share, metrics.validation=true); "
     "got dataset=quadratic, validation=false"),
    (("dataset.validation_share=0",), "got dataset=digits, validation=false"),
    (("metrics.validation=false",), "got dataset=digits, validation=false"),
    (("hydra.sweeper.direction=minimize",), "hydra.sweeper.direction=maximize; got direction=minimize"),
])  # fmt: skip
def test_it_needs_a_judge(overrides, sentence, tmp_path, capsys):
    assert main(["train", "-m", *RATE, *overrides]) == 2
    captured = capsys.readouterr().err
    assert captured.startswith("byzsgd: a sweeper that optimises needs ") and captured.count("\n") == 1
    assert sentence in captured
    assert not (tmp_path / "sweep").exists()
