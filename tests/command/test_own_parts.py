"""Parts given as plain objects in Python: taken, recorded, or refused in one line."""

from __future__ import annotations

import pickle
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import byzsgd
from byzsgd.cli import main
from byzsgd.config import ConfigError
from byzsgd.interfaces import Attack
from byzsgd.records import read_config, run_id
from byzsgd.run.own_parts import own_part

PAGE = (Path(__file__).resolve().parents[2] / "docs/extending.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
SMALL = {"num_workers": 7, "num_byzantine": 1, "batch_size": 4, "eval_every": 20, "budget.arrivals": 40}
INPUTS = np.random.default_rng(0).normal(size=(300, 5))
CLASSES = (INPUTS[:, 0] > 0).astype(np.int64)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


def experiment(*settings, **parts):
    return byzsgd.experiment(SMALL, *settings, **parts)


def halfway(vectors):
    return (vectors.min(dim=0).values + vectors.max(dim=0).values) / 2


def twice_back(view, *, factor=2.0):
    return -factor * view.honest.mean(dim=0) if len(view.honest) else view.own


def small_module():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 4), nn.ReLU(), nn.Linear(4, 10))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_every_snippet_of_the_page_runs(number, tmp_path):
    (tmp_path / f"snippet_{number}.py").write_text(SNIPPETS[number])
    import_module(f"snippet_{number}")


def test_the_page_shows_every_kind():
    headings = re.findall(r"^## (.*)$", PAGE, flags=re.MULTILINE)
    assert headings[:6] == ["A rule", "An attack", "A server", "A model", "A dataset", "A delay"]


def test_a_rule_is_rounds_of_it():
    made = experiment(aggregator=halfway)
    assert made.choices["aggregator"] == made.choices["aggregator/rule"] == "halfway"
    assert made.config["aggregator"]["collector"] == experiment(aggregator="mean").config["aggregator"]["collector"]
    inside = experiment({"aggregator": "kardam", "aggregator/rule": halfway})
    assert (inside.choices["aggregator"], inside.choices["aggregator/rule"]) == ("kardam", "halfway")
    assert inside.config["aggregator"]["filters"] == experiment(aggregator="kardam").config["aggregator"]["filters"]
    assert inside.run().info["status"] == "finished"
    told = experiment("aggregator=mean")  # the same function as the member's: the same numbers
    assert experiment(aggregator=lambda rows: rows.mean(dim=0)).run().metrics.equals(told.run().metrics)


def test_the_default_server_need_not_fit():
    """kardam needs n > 3f: it must not be asked where another server is given."""
    experiment(aggregator=halfway, num_byzantine=3).run()
    with pytest.raises(ValueError, match="lipschitz needs"):
        experiment(num_byzantine=3)


def test_what_is_given_is_recorded_and_found_again(capsys):
    given = {"aggregator": halfway, "attack": twice_back, "model": nn.Linear(5, 2), "dataset": (INPUTS, CLASSES)}
    run = experiment(**given).run("run")
    config = read_config(Path("run"))
    assert config["attack"]["_target_"].endswith("test_own_parts.twice_back")
    assert config == experiment(**given).config
    assert run.choices["model"] == "Linear" and run.choices["dataset"] == "arrays"
    assert experiment(**given).run("run").metrics.equals(run.metrics)
    for changed in ({"attack": lambda view: -view.own}, {"dataset": (INPUTS + 1, CLASSES)}, {"model": nn.Linear(5, 2)}):
        with pytest.raises(ValueError, match=f"run needs the settings that it was started with; got {[*changed][0]}"):
            experiment(**given | changed).run("run")
    assert main(["resume", "run"]) == 2
    assert "needs a part that a configuration can say" in capsys.readouterr().err


def test_a_module_is_where_every_seed_begins():
    module = small_module()
    flat = torch.cat([values.detach().flatten() for values in module.parameters()])
    for seed in (0, 1):
        assert torch.equal(experiment(model=module, seed=seed).prepare().initial, flat)
    assert torch.equal(torch.cat([values.detach().flatten() for values in module.parameters()]), flat)


@pytest.mark.parametrize("given", [
    (torch.tensor(INPUTS), torch.tensor(CLASSES)), (INPUTS.tolist(), CLASSES.tolist()), (INPUTS, CLASSES == 1),
    TensorDataset(torch.tensor(INPUTS), torch.tensor(CLASSES)), {"inputs": INPUTS, "targets": CLASSES},
], ids=["tensors", "lists", "bool", "TensorDataset", "dict"])  # fmt: skip
def test_arrays_are_the_same_however_they_are_given(given):
    expected, found = own_part("dataset", (INPUTS, CLASSES)), own_part("dataset", given)
    assert found.words == expected.words and found.part.keys() == expected.part.keys()
    for name, array in expected.part.items():
        np.testing.assert_array_equal(found.part[name], array, strict=True)


def test_arrays_are_what_a_file_of_them_is(tmp_path):
    np.savez("own.npz", inputs=INPUTS, targets=CLASSES)
    of_file = experiment({"dataset": "tensor_file", "dataset.file": "own.npz"}).run()
    assert experiment(dataset=(INPUTS, CLASSES)).run().metrics.equals(of_file.metrics)
    assert experiment(dataset=(INPUTS, INPUTS[:, :2])).dataset.task == "regression"


@pytest.mark.slow
def test_experiments_of_own_parts_pickle():
    made = experiment(aggregator=halfway, attack=twice_back, dataset=(INPUTS, CLASSES))
    again = pickle.loads(pickle.dumps(made))
    assert run_id(again.config) == run_id(made.config) and again.run().metrics.equals(made.run().metrics)


class Silent(Attack):
    pass


MEMBER = r"the name of a member \(byzsgd list"


@pytest.mark.parametrize(("parts", "sentence"), [
    ({"aggregator": print}, rf"aggregator needs a rule, .*{MEMBER} aggregator\); got a builtin_function_or_method$"),
    ({"aggregator": 3.0}, "aggregator needs a rule, .*; got a float$"),
    ({"attack": Silent}, "attack needs a function .*; got the class Silent, which is to be called$"),
    ({"attack": INPUTS}, "attack needs a function .*; got a numpy.ndarray$"),
    ({"model": 3}, "model needs an nn.Module, .*; got a int$"),
    ({"dataset": (INPUTS,)}, r"dataset needs \(inputs, targets\), a TensorDataset.*; got a tuple$"),
    ({"dataset": nn.Linear(1, 1)}, r"dataset needs \(inputs, targets\), .*; got a torch.nn.modules.linear.Linear$"),
    ({"delay": INPUTS}, r"delay needs the path of a table \(.csv or .parquet\) .*; got a numpy.ndarray$"),
    ({"delay": "seconds.txt"}, "delay needs the path of a table .*; got a str$"),
    ({"worker": halfway}, rf"worker needs an object with init, plan, message or {MEMBER} worker\); got a function$"),
    ({"aggregator.rulle": halfway}, "aggregator has no setting 'rulle'; did you mean rule?"),
    ({"aggregator.rulle.x": halfway}, r"no place 'aggregator.rulle.x' for an object; did you mean rule\?$"),
    ({"optimizer.lr": halfway}, "optimizer.lr needs a number; got a function$"),
    ({"seed": INPUTS}, "seed needs a plain value; got a numpy.ndarray"),
    ({"aggregator": halfway, "aggregator.rule.f": 3}, "aggregator needs an object or settings, not both; got an obj"),
])  # fmt: skip
def test_what_cannot_be_a_part_is_refused_in_one_line(parts, sentence):
    with pytest.raises(ConfigError, match=f"^{sentence}") as info:
        experiment(parts)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(("rule", "got"), [
    (lambda rows: 3, "answer=int"), (lambda rows: rows.mean(dim=1), r"answer=\(7,\)"),
])  # fmt: skip
def test_what_a_function_answers_is_held_against_its_rows(rule, got):
    with pytest.raises(ValueError, match=f"<lambda> needs to return a tensor or array .*; got d=2410, {got}"):
        experiment(aggregator=rule).run()


def test_a_run_gives_its_model_and_figures(tmp_path):
    run = experiment(seed=2).run("run")
    values = [each.detach().flatten() for each in run.model().parameters()]
    assert torch.equal(torch.cat(values), run.params) and not run.model().training
    own = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    assert torch.equal(run.model(own)[1].weight, run.model()[0].weight) and run.model(own) is own
    with pytest.raises(ValueError, match="^model needs a run with 3 parameters, as many as the module has; got param"):
        run.model(nn.Linear(2, 1))
    assert len(run.plot().axes) == 1 and len(byzsgd.plot("run", "loss", x="time").axes) == 1
    with pytest.raises(ValueError, match="^no kind 'lose'; there are acceptance, accuracy"):
        run.plot("lose")


def test_numbers_of_numpy_are_numbers():
    made = experiment({"optimizer.lr": np.float64(0.25), "seed": np.int64(3)})
    assert (made.optimizer.lr, made.seed) == (0.25, 3)
