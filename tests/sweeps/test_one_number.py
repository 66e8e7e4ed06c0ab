"""One setting is one run, however its number is written and whenever its default was written down."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from processes import done

import byzsgd
from byzsgd.analysis import compare
from byzsgd.cli import main
from byzsgd.config.compose import composed, plain
from byzsgd.records import moved, run_id, run_name
from byzsgd.records.identity import one_spelling, same_run
from byzsgd.records.moved import completed

TINY = ("num_workers=4", "num_byzantine=0", "aggregator=asgd", "batch_size=4", "budget.arrivals=40", "eval_every=20",
        "model=linear", "engine=loop")  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_three_spellings_of_a_rate_are_one_run(capsys):
    sweep = ["train", "-m", "optimizer.lr=1,1.0,1e0", *TINY, "hydra.sweep.dir=sweep"]
    assert main(sweep) == 0  # no job is taken for one that did not begin
    captured = capsys.readouterr()
    (folder,) = done(Path("sweep"))
    assert captured.out.count("done before") == 2
    assert byzsgd.load(folder).config["optimizer"]["lr"] == 1.0
    assert main(["status", "sweep"]) == 0
    assert capsys.readouterr().out == "sweep: 1 of 1 done\n"


@pytest.mark.parametrize(("typed", "written"), [
    ("lr=1.0", "lr=1"), ("lr=1e0", "lr=1"), ("lr=+1.0E0", "lr=1"), ("lr=.05", "lr=0.05"), ("lr=5e-2", "lr=0.05"),
    ("seed=12", "seed=12"), ("seed=007", "seed=007"), ("x=1e400", "x=inf"), ("a=b", "a=b"), ("~a", "~a"),
    ("a=[1.0]", "a=[1.0]"), ("a='1.0'", "a='1.0'"), ("x=1e20", "x=1e+20"),
])  # fmt: skip
def test_a_number_has_one_spelling(typed, written):
    assert one_spelling(typed) == written
    assert run_name([typed], "0123456789") == run_name([written], "0123456789")


def test_numbers_are_what_their_annotations_say():
    """A whole number for a real one becomes it; a real number for a whole one is refused, as ever."""
    configs = [byzsgd.experiment(*TINY, f"optimizer.lr={lr}", "seed=1").config for lr in ("2", "2.0")]
    assert configs[0] == configs[1]
    assert (type(configs[0]["optimizer"]["lr"]), type(configs[0]["seed"])) == (float, int)
    nested = byzsgd.experiment("aggregator=asgd", "aggregator/damping=hinge", "aggregator.damping.slope=3").config
    assert type(nested["aggregator"]["damping"]["slope"]) is float
    rates = byzsgd.experiment("delay/heterogeneity=list", f"delay.heterogeneity.values={[1] * 15}").config
    assert {type(value) for value in rates["delay"]["heterogeneity"]["values"]} == {float}


def test_the_folder_that_version_0_1_made_is_found(capsys):
    command = ["train", *TINY, "optimizer.lr=1"]
    raw, _ = plain(composed(command[1:]))
    assert type(raw["optimizer"]["lr"]) is int
    assert main(command) == 0
    (made,) = Path("outputs").iterdir()
    old = run_name(command[1:], run_id(raw, as_typed=True))
    assert made.name != old
    config = yaml.safe_load((made / "config.yaml").read_text())
    config["optimizer"]["lr"] = 1  # as version 0.1 stored it
    (made / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    done = json.loads((made / "DONE").read_text())
    (made / "DONE").write_text(json.dumps({key: done[key] for key in ("format", "metrics", "parts")}))
    made.rename(Path("outputs") / old)
    capsys.readouterr()
    assert main(command) == 0
    assert f"outputs/{old} is finished already" in capsys.readouterr().out
    assert [path.name for path in Path("outputs").iterdir()] == [old]


def test_a_parameter_that_is_new_does_not_count_at_the_value_of_before(monkeypatch):
    before = byzsgd.experiment(*TINY).config
    monkeypatch.setitem(moved.SINCE, "byzsgd.optimizers.sgd.dampening", (0.0, "0.2"))
    optimizer = before["optimizer"]
    now = {**before, "optimizer": {**optimizer, "dampening": 0.0}}
    assert run_id(now) == run_id(before) != run_id({**before, "optimizer": {**optimizer, "dampening": 0.5}})
    assert same_run(before, now)
    assert completed(before)["optimizer"]["dampening"] == 0.0
    assert completed({**before, "optimizer": {**optimizer, "dampening": 0.5}})["optimizer"]["dampening"] == 0.5


def test_every_parameter_of_the_table_exists():
    from byzsgd.config.targets import PARTS, _located
    from byzsgd.run import Metrics
    from byzsgd.signatures import by_name

    for key in (*moved.SINCE, *moved.WHOLE):
        target, _, parameter = key.rpartition(".")
        root = target == "byzsgd.run.Metrics"  # which is named by where it is re-exported
        assert parameter in by_name(Metrics if root else _located(target, PARTS, key)), key


def test_one_run_is_one_seed(capsys):
    command = ["train", *TINY, "hydra.run.dir=sweep/first"]
    assert main(command) == 0
    assert main([*command, "force=true"]) == 0
    shutil.copytree("sweep/first", "sweep/copy")
    assert main(["train", *TINY, "threads=2", "hydra.run.dir=sweep/threads"]) == 0
    assert main(["train", *TINY, "seed=1", "hydra.run.dir=sweep/other"]) == 0
    capsys.readouterr()
    runs = [byzsgd.load(folder) for folder in sorted(Path("sweep").iterdir())]
    made = compare(runs)
    assert [sorted(run.config["seed"] for run in group.runs) for group in made.groups] == [[0, 1]]
    assert main(["compare", "sweep", "sweep", "sweep/first"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("byzsgd: 5 runs of 2 seeds: each seed counts once, the newest; left out sweep/")
    assert captured.err.count("\n") == 1
    assert "2 seeds" in captured.out
    assert main(["compare", "sweep/first", "sweep/first"]) == 0
    assert "1 seed" in " ".join(capsys.readouterr().out.split())


def test_what_has_ended_counts_before_what_is_newer():
    run = byzsgd.experiment(*TINY).run()
    import dataclasses

    cut = dataclasses.replace(run, info={**run.info, "status": "interrupted", "started": "9999"})
    newer = dataclasses.replace(run, info={**run.info, "started": "9998"})
    for order in ([run, newer, cut], [cut, newer, run], [newer, cut, run]):
        (group,) = compare(order).groups
        assert group.runs == (newer,) or group.runs[0] is newer
