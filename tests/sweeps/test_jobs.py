"""Which jobs a sweep has: all combinations, tags that go on together, lines of a file."""

from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from byzsgd.cli import main
from byzsgd.config import read, target_of
from byzsgd.config.sweeps import combinations, lines, words_of
from byzsgd.config.targets import ConfigError
from byzsgd.records.plan import read_plan

pytestmark = pytest.mark.usefixtures("elsewhere")

TINY = ("num_workers=7", "num_byzantine=1", "batch_size=4", "budget.arrivals=30", "eval_every=30")


def jobs(*overrides, rows=((),)):
    return [" ".join(job) for job in combinations(OverridesParser.create().parse_overrides(list(overrides)), rows)]


def test_without_tags_all_combinations():
    assert jobs("a=1,2", "b=x", "c=range(2)") == ["a=1 b=x c=0", "a=1 b=x c=1", "a=2 b=x c=0", "a=2 b=x c=1"]


def test_the_same_tag_goes_on_together():
    made = jobs("aggregator=tag(own,choice(asgd,kardam))", "seed=0,1", "optimizer.lr=tag(own,choice(.1,2))")
    assert made == [
        "aggregator=asgd optimizer.lr=0.1 seed=0", "aggregator=asgd optimizer.lr=0.1 seed=1",
        "aggregator=kardam optimizer.lr=2 seed=0", "aggregator=kardam optimizer.lr=2 seed=1",
    ]  # fmt: skip
    two = jobs("a=tag(s,choice(1,2))", "b=tag(t,choice(3,4))", "c=tag(s,choice(5,6))", "d=tag(t,choice(7,8))")
    assert two == ["a=1 c=5 b=3 d=7", "a=1 c=5 b=4 d=8", "a=2 c=6 b=3 d=7", "a=2 c=6 b=4 d=8"]


def test_the_later_of_two_overrides_counts():
    assert jobs("a=1,2", "b=tag(t,choice(1,2))", "a=3", "b=4") == ["a=3 b=4"]


def test_lines_of_a_file(tmp_path):
    (tmp_path / "jobs.txt").write_text("a=1 'b=[x, y]'\n\n# none\na=2 seed=0,1  # two\n")
    rows = lines("jobs.txt")
    assert rows == [["a=1", "b=[x, y]"], ["a=2", "seed=0,1"]]
    assert jobs("a=7", "c=3", rows=rows) == ["a=1 c=3 b=[x,y]", "a=2 c=3 seed=0", "a=2 c=3 seed=1"]
    with pytest.raises(
        ConfigError, match=r"hydra.sweeper.jobs needs a file with overrides on every line; got gone.txt"
    ):
        lines("gone.txt")


def test_mistakes():
    with pytest.raises(
        ConfigError, match="with the tag own need as many values as one another; got a with 2, b with 3"
    ):
        jobs("a=tag(own,choice(1,2))", "b=tag(own,choice(1,2,3))")
    with pytest.raises(ConfigError, match="a needs at most one tag; got s, t"):
        jobs("a=tag(s,t,choice(1,2))")
    with pytest.raises(ConfigError, match="a needs values to choose from, or hydra/sweeper=optuna"):
        jobs("a=interval(0,1)")
    with pytest.raises(ConfigError, match="a job needs one value of every setting; got a=1,2"):
        words_of(["a=1,2"])


def test_a_zipped_sweep_runs_and_its_status_knows_its_jobs(tmp_path, capsys):
    pairs = ("aggregator=tag(own,choice(asgd,krum))", "optimizer.lr=tag(own,choice(.1,2))")
    assert main(["train", "-m", *TINY, *pairs, "hydra.sweep.dir=sweep"]) == 0
    assert len(list((tmp_path / "sweep").glob("*/DONE"))) == 2
    plan = read_plan(tmp_path / "sweep")
    assert set(plan.jobs.values()) == {folder.parent.name for folder in (tmp_path / "sweep").glob("*/DONE")}
    (asgd,) = (line for line in plan.told if "aggregator=asgd" in line)
    assert "optimizer.lr=0.1" in asgd
    assert main(["status", "sweep"]) == 0
    assert "2 of 2 done" in capsys.readouterr().out
    assert main(["train", "-m", *TINY, *pairs[:1], "optimizer.lr=tag(own,choice(1,2,3))", "hydra.sweep.dir=sweep"]) == 2
    assert "need as many values as one another" in capsys.readouterr().err


def test_other_jobs_go_to_another_folder():
    def folder(*overrides):
        return target_of(read(["-m", *overrides])).folder

    assert folder("hydra.sweeper.jobs=a.txt") != folder("hydra.sweeper.jobs=b.txt")
    assert folder("seed=0,1", "hydra.sweeper.max_batch_size=2") == folder("seed=0,1")
