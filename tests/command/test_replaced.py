"""What is replaced in an experiment in Python is what its record says that it is."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest
import torch

import byzsgd
from byzsgd.attacks import lie, zero
from byzsgd.cli import main
from byzsgd.records import read_config, read_info, run_id
from byzsgd.reporting.command import train_command
from byzsgd.run import Budget

SMALL = ("num_workers=4", "num_byzantine=1", "batch_size=4", "budget.arrivals=40", "eval_every=20", "model=linear",
         "engine=loop")  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def experiment(*overrides):
    return byzsgd.experiment(*SMALL, *overrides)


def test_a_part_of_another_experiment_is_that_of_the_other():
    kardam, asgd = experiment("aggregator=kardam"), experiment("aggregator=asgd", "attack=lie")
    kardam.run("run")
    other = dataclasses.replace(kardam, aggregator=asgd.aggregator, attack=asgd.attack)
    assert run_id(other.config) == run_id(asgd.config) != run_id(kardam.config)
    assert other.choices == asgd.choices
    with pytest.raises(ValueError, match="^run needs the settings that it was started with; got "):
        other.run("run")
    run = other.run("other")
    assert run.arrivals.equals(asgd.run().arrivals)
    assert read_config(Path("other")) == asgd.config
    assert read_info(Path("other"))["choices"] == asgd.choices
    assert main(["resume", "other"]) == 0


@pytest.mark.parametrize(("change", "override"), [
    ({"seed": 3}, "seed=3"), ({"byzantine_ids": (2,)}, "byzantine_ids=[2]"),
    ({"budget": Budget(updates=None, arrivals=20, time=None)}, "budget.arrivals=20"), ({"dtype": "float64"},
    "dtype=float64"), ({"stamps": False}, "stamps=false"),
])  # fmt: skip
def test_a_value_is_what_the_configuration_would_say(change, override):
    replaced, told = dataclasses.replace(experiment(), **change), experiment(override)
    assert run_id(replaced.config) == run_id(told.config)
    assert dataclasses.replace(replaced).config == replaced.config
    assert replaced.choices == told.choices


def test_a_changed_part_of_a_part_is_said_too():
    told = experiment("optimizer.lr=0.25")
    first = experiment()
    replaced = dataclasses.replace(first, optimizer=dataclasses.replace(first.optimizer, lr=0.25))
    assert run_id(replaced.config) == run_id(told.config)


def test_a_function_is_what_it_is_called(capsys):
    first = experiment("attack=none")
    for attack in (functools.partial(lie, z=1.5), zero):
        made = dataclasses.replace(first, attack=attack)
        name = attack.func.__name__ if isinstance(attack, functools.partial) else attack.__name__
        assert made.choices["attack"] == name
        made.run(name)
        assert main(["resume", name]) == 0  # a configuration can say it
        assert f"{name} is finished already" in capsys.readouterr().out


def test_the_command_of_a_report_is_one_that_gives_the_run():
    first = experiment()
    faster = dataclasses.replace(first, optimizer=dataclasses.replace(first.optimizer, lr=0.25))
    assert "optimizer=sgd" in train_command(faster.run()) and "optimizer.lr=0.25" in train_command(faster.run())
    own = dataclasses.replace(first, dataset=Doubled(first.dataset, None))
    assert train_command(own.run()) == "# no command: parts of this run were made in Python"


class Doubled:
    """A dataset that a configuration cannot say."""

    def __init__(self, inner, weights):
        self.inner, self.weights = inner, weights

    @property
    def model(self):
        return self.inner.model

    def load(self, root, rng):
        return self.inner.load(root, rng)


def test_what_a_configuration_cannot_say_has_a_digest(capsys):
    first = experiment()
    made = [
        dataclasses.replace(first, dataset=Doubled(first.dataset, values))
        for values in (np.zeros(2), np.zeros(2), np.ones(2), torch.ones(2))
    ]
    ids = [run_id(each.config) for each in made]
    assert ids[0] == ids[1] and len({*ids, run_id(first.config)}) == 4
    assert made[0].choices["dataset"] == "Doubled"
    made[0].run("run")
    made[1].run("run")
    with pytest.raises(ValueError, match="^run needs the settings that it was started with; got dataset"):
        made[2].run("run")
    capsys.readouterr()
    assert main(["resume", "run"]) == 2
    assert "dataset needs a part that a configuration can say; got " in capsys.readouterr().err


def test_what_is_in_no_file_is_refused_a_folder(tmp_path):
    first = experiment()
    scope: dict = {}
    exec("def make(shape, outputs, /):\n    import torch\n    return torch.nn.Linear(shape[0], outputs)", scope)
    nameless = dataclasses.replace(first, model=functools.partial(scope["make"]))
    assert nameless.run().info["status"] == "finished"  # in memory there is nothing to go on with
    with pytest.raises(ValueError, match=r"^run needs parts whose code is in a file .*; got part=model=.*make$"):
        nameless.run("run")
    assert not (tmp_path / "run").exists()


def test_two_functions_of_one_line_are_two():
    first = experiment()
    one, other = lambda shape, outputs: torch.nn.Linear(shape[0], outputs), lambda s, o: torch.nn.Linear(s[0], o, False)
    ids = {run_id(dataclasses.replace(first, model=each).config) for each in (one, other)}
    assert len(ids) == 2
