"""From Python and from a notebook: the same words, the same folders, one table."""

from __future__ import annotations

import pickle
import pydoc
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

import byzsgd
from byzsgd.cli import main
from byzsgd.config import ConfigError, catalogue
from byzsgd.records import run_id

TINY = ("num_workers=7", "num_byzantine=1", "budget.arrivals=60", "eval_every=30", "batch_size=4")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_what_there_is_can_be_found():
    assert {"experiment", "frame", "load", "sweep"} <= set(dir(byzsgd))
    assert "Runs every combination" in pydoc.render_doc(byzsgd)


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        (["aggregator=krum", "seed=3", "optimizer.lr=0.2", "byzantine_ids=[0,1,2]", "data_root='a b'"], {}),
        ([["aggregator=krum", "seed=3"], "optimizer.lr=0.2"], {"byzantine_ids": [0, 1, 2], "data_root": "a b"}),
        (
            [{"aggregator": "krum", "optimizer": {"lr": 0.2}, "byzantine_ids": (0, 1, 2)}],
            {"seed": 3, "data_root": "a b"},
        ),
        ([{"aggregator": "krum", "optimizer.lr": 0.2, "data_root": "a b"}], {"byzantine_ids": [0, 1, 2], "seed": 3}),
    ],
)
def test_settings_may_be_texts_lists_dicts_and_keywords(given, settings):
    expected = byzsgd.experiment("aggregator=krum", "seed=3", "optimizer.lr=0.2", "byzantine_ids=[0,1,2]")
    found = byzsgd.experiment(*given, **settings)
    assert run_id(found.config) == run_id(expected.config)
    assert found.data_root == "a b"


@pytest.mark.parametrize("text", ["it's", "${x}", "a\\b", "a\\", "a\\'b", "[1", "a,b", "", "1"])
def test_every_text_arrives_as_it_is(text):
    assert byzsgd.experiment(data_root=text).data_root == text


@pytest.mark.parametrize(
    ("given", "settings", "sentence"),
    [
        ((3,), {}, "an override needs a text, a list of texts or a dict of settings; got 3"),
        ((), {"aggregator": print}, "aggregator needs a rule, which is a function (k, d) -> (d,)"),
        ((), {"sede": 3}, "no setting 'sede'; did you mean seed?"),
        (({"optimizer": {"lrr": 3}},), {}, "no setting 'lrr' in optimizer; did you mean lr?"),
    ],
)
def test_what_cannot_be_accepted_is_refused_in_one_line(given, settings, sentence):
    with pytest.raises(ConfigError) as info:
        byzsgd.experiment(*given, **settings)
    assert str(info.value).startswith(sentence)
    assert "\n" not in str(info.value)


@pytest.mark.slow
@pytest.mark.parametrize("group", ["aggregator", "aggregator/rule", "attack"])
def test_every_experiment_pickles(group):
    for member in catalogue.files(group):
        more = ("worker=delta",) if member.stem in ("fedasync", "fedbuff") else ()
        try:
            experiment = byzsgd.experiment(f"{group}={member.stem}", *more, num_workers=40, num_byzantine=2)
        except ValueError:  # a rule that another server has
            continue
        assert run_id(pickle.loads(pickle.dumps(experiment)).config) == run_id(experiment.config)


def result(experiment):
    return experiment.run()


@pytest.mark.slow
def test_a_pool_gives_the_same_numbers():
    experiments = [byzsgd.experiment(*TINY, "aggregator=krum", seed=seed) for seed in (0, 1)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for run, experiment in zip(pool.map(result, experiments), experiments, strict=True):
            assert run.arrivals.equals(experiment.run().arrivals)


def test_a_run_says_what_it_is_in_a_line(tmp_path):
    run = byzsgd.experiment(*TINY).run(tmp_path / "<one>")
    assert repr(run).startswith(
        "Run(aggregator=kardam, attack=none, seed=0, status=finished, arrivals=60, test_accuracy="
    )
    assert "&lt;one&gt;" in run._repr_html_()
    assert run.params.shape == (run.info["num_parameters"],)
    with pytest.raises(ValueError, match="params needs a run with a folder"):
        _ = byzsgd.experiment(*TINY).run().params


def test_a_grid_from_python(tmp_path, capsys):
    grid = {"aggregator": ["asgd", "krum"], "seed": range(2), "num_workers": 7, "num_byzantine": 1}
    small = {"budget.arrivals": 60, "eval_every": 30, "batch_size": 4, "byzantine_ids": [[0]]}
    runs = byzsgd.sweep(grid | small, "sweep")
    assert [(run.choices["aggregator"], run.config["seed"]) for run in runs] == [
        *(("asgd", 0), ("asgd", 1), ("krum", 0), ("krum", 1)),
    ]
    table = byzsgd.frame("sweep")
    assert len(table) == sum(len(run.metrics) for run in runs)
    assert set(table["aggregator"]) == {"asgd", "krum"}
    assert {"seed", "optimizer.lr", "budget.arrivals", "status", "test_accuracy"} <= set(table.columns)
    assert table.equals(byzsgd.frame(runs))
    words = ["aggregator=asgd,krum", "seed=range(2)", *TINY, "byzantine_ids=[0]", "hydra.sweep.dir=sweep"]
    assert main(["train", "-m", *words]) == 0  # the same runs as those of the command
    assert capsys.readouterr().out.count("done before") == 4
    with pytest.raises(ValueError, match=r"load needs the folder of one run; got sweep with 4 runs in it"):
        byzsgd.load("sweep")
    with pytest.raises(RuntimeError, match=r"1 jobs of failing are not done; .*seed needs a value >= 0"):
        byzsgd.sweep([*TINY, "seed=-1,0"], "failing")
    with pytest.raises(ConfigError, match="seed needs at least one value"):
        byzsgd.sweep({"seed": []})
