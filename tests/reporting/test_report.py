"""The page holds what it should, whole and safe; what it does is tested in a browser by test_browser.py."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shlex
from pathlib import Path

import polars as pl
import pytest
from made_up_runs import run, sweep
from plotly.offline import get_plotlyjs

from byzsgd.analysis import compare
from byzsgd.records.plan import Plan, write_plan
from byzsgd.reporting import report
from byzsgd.reporting.command import plot_command, train_command
from byzsgd.reporting.html_page import build
from byzsgd.reporting.payload import payload


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_the_page_is_whole_and_asks_the_network_for_nothing(tmp_path):
    path = report(sweep(("asgd", "kardam"), ("none", "lie"), 2), tmp_path)
    assert path == tmp_path / "report.html"
    page = path.read_text()
    own = page.replace(get_plotlyjs(), "")
    assert len(own) < len(page) - 1e6
    assert not re.search(r"https?:", own)
    assert "default-src 'none'" in page
    assert not re.findall(r"__[A-Z]+__", own)
    data = data_of(page)
    assert len(data["runs"]) == 8
    assert [key["key"] for key in data["keys"]] == ["aggregator", "attack"]
    assert "Final test accuracy under each attack" in page


def test_a_file_may_be_named(tmp_path):
    assert report([run()], tmp_path / "deep" / "page.html") == tmp_path / "deep" / "page.html"


def test_what_a_stranger_wrote_is_never_markup():
    evil = '</script><img src=x onerror=alert(1)>"&\u2028'
    made = dataclasses.replace(run(), folder=Path("/runs") / evil, choices=run().choices | {"attack": evil})
    page = build([made, run("asgd")], title=evil)
    assert evil.split('"')[0] not in page
    assert data_of(page)["runs"][0]["folder"].endswith("&\u2028")


def test_numbers_that_are_none_are_said_in_words():
    made = payload(compare([run(attack="not_a_number", arrivals=100)]))
    text = json.dumps(made, allow_nan=False)
    assert "not a number" in text
    diverged = payload(compare([run("asgd", "reversed")]))
    assert diverged["runs"][0]["curve"]["test_loss"][-1] is None
    assert diverged["runs"][0]["curve"]["test_accuracy"][-1] == 0.0


def test_long_runs_are_thinned_and_keep_their_end():
    made = run(arrivals=2000, every=5)
    curve = payload(compare([made]))["runs"][0]["curve"]
    assert len(curve["step"]) <= 120
    assert curve["arrivals"][-1] == made.metrics["arrivals"][-1]
    assert curve["arrivals"][0] == 0


def test_deliveries_are_a_stretch_in_the_middle():
    runs = [run(seed=seed, arrivals=1200) for seed in range(50)]
    part = payload(compare(runs))["runs"][0]["deliveries"]
    assert (part["total"], part["first"], len(part["columns"]["arrival"])) == (1200, 200, 800)
    assert part["columns"]["arrival"][0] == 200
    assert part["scores"] == ["lipschitz", "lipschitz_threshold"]


def test_acceptance_in_windows():
    windows = payload(compare([run("asgd", "lie")]))["runs"][0]["windows"]
    assert set(windows["honest"]) == set(windows["byzantine"]) == {1.0}
    assert windows["arrivals"][-1] == 600


@pytest.mark.slow
def test_a_hundred_runs_are_light(tmp_path):
    servers = ("asgd", "kardam", "krum", "median")
    runs = sweep(servers, ("none", "lie", "ipm", "gaussian", "reversed"), 5, arrivals=9000, every=100)
    assert len(runs) == 100
    assert report(runs, tmp_path).stat().st_size < 10e6


def test_the_command_spells_every_setting():
    made = run(settings={"budget": {"_target_": "x", "updates": None}, "stamps": True, "note": "it's", "ids": [1, 2]})
    words = shlex.split(train_command(made))
    assert words[:2] == ["byzsgd", "train"]
    assert {"aggregator=kardam", "attack=lie", "aggregator/damping=inverse", "attack.z=1.5", "seed=0"} <= set(words)
    assert {"budget.updates=null", "stamps=true", "ids=[1,2]", "note='it\\'s'"} <= set(words)
    assert not any("_target_" in word for word in words)


def test_the_command_is_what_was_typed_where_somebody_knows(tmp_path):
    made = dataclasses.replace(run(), folder=tmp_path / "sweep" / "one")
    (tmp_path / "sweep").mkdir()
    write_plan(tmp_path / "sweep", Plan({"abc": "one"}, told={"attack=lie seed=0": "abc"}))
    assert train_command(made) == "byzsgd train attack=lie seed=0"
    (made.folder / ".hydra").mkdir(parents=True)
    (made.folder / ".hydra" / "overrides.yaml").write_text("- attack=lie\n- ids=[1, 2]\n")
    assert shlex.split(train_command(made)) == ["byzsgd", "train", "attack=lie", "ids=[1, 2]"]
    (made.folder / ".hydra" / "overrides.yaml").unlink()
    write_plan(tmp_path / "sweep", Plan({"abc": "one"}, told={"attack=lie note='a b'": "abc"}))
    assert "aggregator=kardam" in train_command(made)  # a word with a space in it: not sure where it ends


def test_notes_are_shown_as_they_were_written_and_name_the_page(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "notes.md").write_text("# Second try\n\n<script>alert(1)</script> with lr .1\n")
    (tmp_path / "a" / "notes.md").write_text("interrupted twice")
    page = build([dataclasses.replace(run(), folder=tmp_path / "a")])
    assert "<h1>Second try</h1>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; with lr .1" in page and "not vouched for" in page
    assert data_of(page)["runs"][0]["notes"] == "interrupted twice"
    assert "<h1>Mine</h1>" in build([dataclasses.replace(run(), folder=tmp_path / "a")], "Mine")
    assert 'id="notes"' not in build([run()])


def test_an_infinite_loss_is_said():
    rows = run().metrics.with_columns(test_loss=pl.lit(math.inf))
    assert payload(compare([dataclasses.replace(run(), metrics=rows)]))["runs"][0]["measures"]["loss"] == "inf"


def test_settings_that_differ_are_kept_run_by_run():
    made = payload(compare([run(), run("asgd", seed=1, settings={"device": "cuda"})]))
    assert made["settings"]["aggregator"] == ["kardam", "asgd"]
    assert (made["settings"]["seed"], made["settings"]["device"]) == (["0", "1"], [None, "cuda"])
    assert "num_workers" not in made["settings"]


def test_what_select_cannot_say_is_known():
    made = payload(compare([run(), run(settings={"ids": [1, 2]})]))
    (key,) = made["keys"]
    assert (key["key"], key["typed"]) == ("ids", [None, None])
    told = payload(compare([run(), run("asgd")]))["keys"][0]
    assert told["typed"] == ["kardam", "asgd"]


def test_the_plot_command_names_the_sweep():
    runs = [dataclasses.replace(run(seed=seed), folder=Path(f"/out/my sweep/{seed}")) for seed in range(5)]
    assert plot_command(runs, "--kind", "accuracy") == "byzsgd plot '/out/my sweep' --kind accuracy"
    assert plot_command(runs[:1]) == "byzsgd plot '/out/my sweep/0'"


def test_runs_that_have_only_begun():
    begun = dataclasses.replace(run(), metrics=run().metrics.clear(), arrivals=run().arrivals.clear())
    with pytest.raises(ValueError, match="needs runs that were evaluated"):
        build([begun])
    data = data_of(build([begun, run("asgd")]))
    (empty,) = [made for made in data["runs"] if made["deliveries"]["total"] == 0]
    assert empty["deliveries"]["columns"]["arrival"] == []
    assert empty["measures"]["final"] is None


def test_metrics_of_nobody_are_left_out():
    holes = run().metrics.with_columns(suboptimality=pl.lit(None, pl.Float64))
    data = payload(compare([dataclasses.replace(run(), metrics=holes)]))
    assert data["metrics"] == ["test_accuracy", "test_loss", "train_loss"]
    assert not any(math.isnan(value) for value in data["runs"][0]["curve"]["test_loss"] if value is not None)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write"):
        report([run()], tmp_path / "file")
