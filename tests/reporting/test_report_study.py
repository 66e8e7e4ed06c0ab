"""A sweep that optimises: its study in the report."""

from __future__ import annotations

import dataclasses

import pytest
import yaml
from made_up_runs import run

from byzsgd.reporting.optuna_study import study_of


def beside(folder):
    return [dataclasses.replace(run(seed=seed), folder=folder / str(seed)) for seed in range(2)]


def study_in(place, values, few=False):
    """A study with so many results, kept as the sweeper keeps it."""
    optuna = pytest.importorskip("optuna", minversion="4")
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    storage = place if "://" in str(place) else JournalStorage(JournalFileBackend(str(place)))
    study = optuna.create_study(study_name="byzsgd", storage=storage, direction="maximize")
    for number, value in enumerate(values):
        space = {
            "optimizer.lr": optuna.distributions.FloatDistribution(0.001, 1.0, log=True),
            "batch_size": optuna.distributions.IntDistribution(1, 64),
        }
        params = {"optimizer.lr": 0.01 * (number + 1), "batch_size": 8 if few else 8 + number * 3 % 4}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=space, value=value))
    return study


def test_runs_without_a_study_have_no_such_page(tmp_path):
    assert study_of(beside(tmp_path)) is None
    assert study_of([run()]) is None


def test_a_study_that_cannot_be_read_is_said(tmp_path):
    pytest.importorskip("optuna", minversion="4")
    (tmp_path / "study.log").write_text("no journal\n")
    made = study_of(beside(tmp_path))
    assert made["figures"] == [] and "cannot be read" in made["said"]


@pytest.mark.slow
@pytest.mark.parametrize("storage", [None, "sqlite"])
def test_a_study_has_history_importance_and_slices(tmp_path, storage):
    place = f"sqlite:///{tmp_path}/study.db" if storage else tmp_path / "study.log"
    study_in(place, [0.2, 0.5, 0.4, 0.3])
    sweeper = {"storage": str(place) if storage else None, "study_name": "byzsgd"}
    (tmp_path / "multirun.yaml").write_text(yaml.safe_dump({"hydra": {"sweeper": sweeper}}))
    made = study_of(beside(tmp_path))
    assert made["said"] == "4 of 4 trials have a result. Best: optimizer.lr = 0.02, batch_size = 11 (0.500)."
    assert [figure["title"] for figure in made["figures"]] == ["History", "Importance (fANOVA)", "Slices"]
    assert all(figure["data"] for figure in made["figures"])


@pytest.mark.slow
@pytest.mark.parametrize(("values", "titles"), [([0.2], ["History"]), ([0.2, 0.3], ["History", "Slices"])])
def test_what_was_not_varied_is_not_weighed(tmp_path, values, titles):
    study_in(tmp_path / "study.log", values, few=True)
    assert [figure["title"] for figure in study_of(beside(tmp_path))["figures"]] == titles
