"""A run is that of its data: changed bytes are other data, and no command takes the one for the other."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import byzsgd
from byzsgd.analysis import compare
from byzsgd.cli import main
from byzsgd.config import Permission, build, stored
from byzsgd.sources import changed, digest_of, module_sources, noted, noting

SMALL = ("num_workers=4", "num_byzantine=0", "aggregator=asgd", "batch_size=4", "budget.arrivals=40", "eval_every=20",
         "checkpoint_every=20", "model=linear", "engine=loop")  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


def write_examples(shift: int = 0) -> None:
    rng = np.random.default_rng(0)
    np.savez("own.npz", inputs=rng.normal(size=(60, 3)), targets=(np.arange(60) + shift) % 3)


def write_jobs(seconds: float = 1.0) -> None:
    rows = [f"{worker},{serial},{seconds + worker / 7}" for worker in range(4) for serial in range(3)]
    Path("jobs.csv").write_text("\n".join(["worker,serial,seconds", *rows]) + "\n")


def write_windows(first: int = 0) -> None:
    rows = [f"{worker},{start},{start + 8}" for worker in range(4) for start in range(first, 60, 10)]
    Path("windows.csv").write_text("\n".join(["worker,start,finish", *rows]) + "\n")


def write_plugin(factor: float = 1.0) -> None:
    Path("my_rule.py").write_text(f"def scaled(vectors, /):\n    return {factor} * vectors.mean(dim=0)\n")


# What is read: overrides, how it is written, and another content of it.
READ = {
    "dataset/own.npz": (("dataset=tensor_file", "dataset.file=own.npz", "dataset.trusted=5"), write_examples, 1),
    "delay/jobs.csv": (("delay=trace", "delay.path=jobs.csv"), write_jobs, 2.0),
    "delay.availability/windows.csv": (
        ("delay/availability=trace", "delay.availability.path=windows.csv"), write_windows, 1),
    "plugins/my_rule.py": (("plugins=[my_rule]",), write_plugin, 2.0),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_other_bytes_are_other_data(name):
    overrides, write, other = READ[name]
    write()
    first = byzsgd.experiment(*SMALL, *overrides)

    def again(**changes) -> byzsgd.Run:
        """What the same command does: the objects are built anew."""
        return build({**first.config, **changes}, first.choices).run("run")

    before = first.run("run").info["files"]
    assert list(before) == [name]
    assert again().folder == Path("run")
    original = Path(name.rpartition("/")[2]).read_bytes()
    write(other)
    sentence = (
        rf"^run needs the data that it was started with; got digest \w+ of {name} instead of {before[name]} \(force"
    )
    with pytest.raises(ValueError, match=sentence):
        again()
    beside = again(force=True)
    assert beside.folder == Path("run__2") and beside.info["files"] != before
    assert again().folder == Path("run__2")  # the plain command takes the one that fits
    Path(name.rpartition("/")[2]).write_bytes(original)
    assert again().folder == Path("run")
    both = compare([byzsgd.load("run"), byzsgd.load("run__2")])
    assert [len(group.runs) for group in both.groups] == [1, 1]
    assert both.keys == ("data",)
    with pytest.raises(ValueError, match="^run__2 needs the data that it was started with; got digest"):
        stored(Path("run__2"), Permission(first.plugins), print).run("run__2", None, first.plugins, only_there=True)


def test_other_settings_are_refused_as_settings():
    write_examples()
    byzsgd.experiment(*SMALL, *READ["dataset/own.npz"][0]).run("run")
    with pytest.raises(ValueError, match="^run needs the settings that it was started with; got dataset"):
        byzsgd.experiment(*SMALL).run("run")


def test_no_run_goes_on_with_other_data(monkeypatch, capsys):
    from byzsgd.run.running import Running

    overrides, write, other = READ["dataset/own.npz"]
    write()
    command = ["train", *SMALL, *overrides, "hydra.run.dir=run"]
    after = Running.after

    def stops(self, event):
        if self.world.arrivals == 30:
            raise RuntimeError("stopped here")
        return after(self, event)

    with monkeypatch.context() as patch:
        patch.setattr(Running, "after", stops)
        assert main(command) == 1
    write(other)
    capsys.readouterr()
    for words in (command, ["resume", "run"]):
        assert main(words) == 2
        assert "run needs the data that it was started with; got digest" in capsys.readouterr().err
    info = json.loads(Path("run/info.json").read_text())
    Path("run/info.json").write_text(json.dumps({**info, "files": {}}))  # the checkpoint knows it too
    assert main(command) == 2
    assert "run needs the data that it was started with; got digest" in capsys.readouterr().err
    Path("run/info.json").write_text(json.dumps(info))
    write()
    assert main(["resume", "run"]) == 0
    assert byzsgd.load("run").info["status"] == "finished"


def test_seeds_and_folders_give_the_same_digest(tmp_path):
    write_examples()
    overrides = (*SMALL, *READ["dataset/own.npz"][0])
    first = byzsgd.experiment(*overrides).run()
    (tmp_path / "elsewhere").mkdir()
    Path("own.npz").rename("elsewhere/own.npz")
    second = byzsgd.experiment(*overrides, "seed=1", "data_root=elsewhere").run()
    assert first.info["files"] == second.info["files"] != {}
    assert byzsgd.experiment(*SMALL).run().info["files"] == {}


def with_files(run, files, seed):
    info = {key: value for key, value in run.info.items() if key != "files"}
    info |= {} if files is None else {"files": files}
    return dataclasses.replace(run, info=info, config={**run.config, "seed": seed})


def test_a_curve_has_one_set_of_data():
    run = byzsgd.experiment(*SMALL).run()
    one, other = {"dataset/a": "1"}, {"dataset/a": "2"}
    made = compare([with_files(run, files, seed) for seed, files in enumerate((one, other, one))])
    assert sorted(len(group.runs) for group in made.groups) == [1, 2]
    assert not made.notes
    # Version 0.1 did not say: it joins where there is no doubt, with a line.
    made = compare([with_files(run, files, seed) for seed, files in enumerate((one, None, one))])
    assert [len(group.runs) for group in made.groups] == [3]
    assert made.notes == ("1 run of version 0.1 without a digest of the data, taken for the same data",)
    made = compare([with_files(run, files, seed) for seed, files in enumerate((one, None, other))])
    assert [len(group.runs) for group in made.groups] == [1, 1, 1]
    made = compare([with_files(run, files, seed) for seed, files in enumerate((None, {}, None))])
    assert ([len(group.runs) for group in made.groups], made.notes) == ([3], ())


def test_what_is_read_is_noted(tmp_path):
    one, other = tmp_path / "a" / "x", tmp_path / "b" / "x"
    for number, path in enumerate((one, other)):
        path.parent.mkdir()
        path.write_text(str(number))
    with noting() as outer, noting() as inner:
        assert noted(one) == one
        noted(one)
        noted(other)
    assert list(inner) == ["x", "x (2)"] and outer == inner
    assert len(set(inner.values())) == 2
    assert changed(inner, inner) == "" and digest_of({}) == ""
    assert changed({"x": "1"}, {}) == "digest None of x instead of 1"
    assert changed({"plugins/x": "1"}, {}) == ""
    package = tmp_path / "parts_of_mine"
    (package / "deep").mkdir(parents=True)
    for file in ("__init__.py", "deep/__init__.py", "deep/rule.py"):
        (package / file).write_text("")
    sys.path_importer_cache.clear()
    assert list(module_sources(("parts_of_mine",))) == [
        f"plugins/parts_of_mine/{file}" for file in ("__init__.py", "deep/__init__.py", "deep/rule.py")
    ]


def test_every_file_of_a_dataset_or_trace_is_read_through_the_note():
    """`open`, `read_bytes` and readers of libraries see a path that was noted, or none."""
    root = Path(byzsgd.__file__).parent
    readers = ("np.fromfile(", "np.load(", "load_file(", "loadmat(", ".open(", "read_csv", "read_bytes(", "read_text(")
    for file in [*(root / "datasets").glob("*.py"), *(root / "delays").rglob("*.py")]:
        if file.name == "tables.py":  # what lies inside scikit-learn goes by its version
            continue
        for line in file.read_text().splitlines():
            if any(word in line for word in readers) and "import " not in line:
                assert "noted(" in line, f"{file.name}: {line.strip()}"
