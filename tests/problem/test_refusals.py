"""Every mistake about data, models and partitions through the real `main`: one line, exit code 2, before any work."""

import numpy as np
import pytest
from problem_world import generator
from test_files import WRITERS

from byzsgd.cli import main


@pytest.fixture(autouse=True)
def place(elsewhere, monkeypatch):
    monkeypatch.delenv("BYZSGD_DATA", raising=False)
    return elsewhere


def refused(capsys, *overrides):
    """What stands on the screen of a run that is refused."""
    assert main(["train", *overrides, "hydra.run.dir=out"]) == 2
    screen = capsys.readouterr()
    assert screen.out == "" and screen.err.count("\n") == 1 and screen.err.startswith("byzsgd: ")
    return screen.err


def untouched(place):
    return not list(place.rglob("info.json")) and not list(place.rglob("metrics.jsonl"))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["partition=dirichlet", "partition.alpha=0"], "needs 0 < alpha < inf; got alpha=0"),
        (["partition=quantity_skew", "partition.alpha=-0.5"], "needs 0 < alpha < inf; got alpha=-0.5"),
        (["partition=gamma_similarity", "partition.gamma=1.5"], "gamma"),
        (
            ["partition=shards", "partition.per_worker=200"],
            "no more shards than examples; got shards=3000, examples=1158",
        ),
        (["partition=by_writer"], "partition by_writer needs"),
        (
            ["num_workers=2000", "num_byzantine=0"],
            "partition iid needs at least one example for every worker; got examples=1158, num_workers=2000",
        ),
        (["model=ridge_logistic"], "model needs one output for each class; got output="),
        (["model=kardam_emnist"], "kardam_emnist needs"),
        (["dataset=least_squares", "model=mlp", "dataset.n=0"], "needs n >= d >= 1; got n=0"),
        (["dataset.trusted=5000"], "trusted"),
        (["metrics.validation=true", "dataset.validation_share=0"], "metric validation needs validation examples"),
        (
            ["metrics.dissimilarity=true", "num_workers=4", "num_byzantine=4", "f=1"],
            "metrics.dissimilarity needs an honest",
        ),
        (["dataset=mnist"], "got data_root=null (set data_root=FOLDER or BYZSGD_DATA; dataset.download=true"),
        (["dataset=cifar100", "data_root=nowhere"], "nowhere"),
        (["dataset=tensor_file"], "dataset.file=PATH"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_settings_that_cannot_be(overrides, sentence, place, capsys):
    assert sentence in refused(capsys, *overrides)
    assert untouched(place)


def cut(content):
    return content[: len(content) // 2]


def garbled(content):
    return generator(0).bytes(len(content))


@pytest.mark.parametrize("damage", [cut, garbled])
@pytest.mark.parametrize("name", ["mnist", "cifar100"])
def test_damaged_files_of_datasets(name, damage, place, capsys):
    WRITERS[name](place / "data")
    file = max((file for file in (place / "data").rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    file.write_bytes(damage(file.read_bytes()))
    line = refused(capsys, f"dataset={name}", "data_root=data", "dataset.trusted=20")
    assert f"dataset {name} needs" in line and file.name in line
    assert untouched(place)


@pytest.mark.parametrize("damage", [cut, garbled])
def test_damaged_files_of_ones_own(damage, place, capsys):
    np.savez(place / "own.npz", inputs=np.ones((50, 4)), targets=np.arange(50) % 3)
    (place / "own.npz").write_bytes(damage((place / "own.npz").read_bytes()))
    assert "needs a whole file of plain arrays" in refused(capsys, "dataset=tensor_file", "dataset.file=own.npz")
    assert untouched(place)


@pytest.mark.parametrize(
    ("arrays", "overrides", "sentence"),
    [
        ({"targets": np.arange(49) % 3}, [], "as many targets as inputs"),
        ({"targets": np.arange(50) / 3}, [], "class numbers"),
        ({"test_inputs": np.ones((5, 9)), "test_targets": np.zeros(5, dtype=int)}, [], "test_inputs of the shape"),
        ({}, ["model=lenet"], "lenet needs"),
        ({}, ["model=logistic_regression", "partition=extreme", "num_workers=60", "f=0", "num_byzantine=0"], "worker"),
    ],
)
def test_shapes_that_do_not_fit(arrays, overrides, sentence, place, capsys):
    np.savez(place / "own.npz", **{"inputs": np.ones((50, 4)), "targets": np.arange(50) % 3, **arrays})
    own = ["dataset=tensor_file", "dataset.file=own.npz", "dataset.trusted=5"]
    assert sentence in refused(capsys, *own, *overrides)
    assert untouched(place)
