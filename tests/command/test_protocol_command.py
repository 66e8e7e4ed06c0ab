"""`byzsgd protocol`, from the command line to the figure."""

from __future__ import annotations

import csv

import pytest

from byzsgd.analysis import compare
from byzsgd.cli import main
from byzsgd.console.protocol import reported
from byzsgd.records import find_runs, load

pytestmark = pytest.mark.usefixtures("elsewhere")

TINY = """
settings: num_workers=7 num_byzantine=1 batch_size=4 budget.arrivals=40 eval_every=20 dataset.validation_share=0.2
          metrics.validation=true
servers: {fast krum: aggregator=krum}
attacks: {none: attack=none, "lie ×10": attack=lie delay.byzantine.speed=10}
masses: [0.05, 0.2]
tuning_seeds: [7]
reporting_seeds: [0]
last: 2
"""


def test_all_stages(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    assert main(["protocol", "tiny.yaml"]) == 0
    out = tmp_path / "outputs/protocol_tiny"
    runs = {stage: find_runs(out / stage) for stage in ("pilots", "tuning", "reporting")}
    assert [len(runs[stage]) for stage in ("pilots", "tuning")] == [1, 4]
    assert {load(run).config["seed"] for run in runs["reporting"]} == {0}
    with (out / "tables/steps.csv").open() as file:
        (steps,) = csv.DictReader(file)
    assert float(steps["lr / m"]) == pytest.approx(7, rel=0.3)  # rounds of seven
    tried = {load(run).config["optimizer"]["lr"] for run in runs["tuning"]}
    assert sorted(tried) == pytest.approx([0.35, 1.4], rel=0.3)  # the step masses .05 and .2
    assert (out / "heatmap.png").is_file() and (out / "tables/accuracy.csv").is_file()
    assert compare([load(run) for run in runs["reporting"]]).runs
    assert len(reported(tmp_path / "tiny.yaml", out).groups) == 4


def test_mistakes(tmp_path, capsys):
    assert main(["protocol", "servers_atacks"]) == 2
    assert "no protocol 'servers_atacks'; did you mean servers_attacks?" in capsys.readouterr().err
    (tmp_path / "blind.yaml").write_text(TINY.replace("metrics.validation=true", "metrics.validation=false"))
    assert main(["protocol", "blind.yaml"]) == 2
    assert "a protocol needs metrics.validation=true and a validation split" in capsys.readouterr().err


def test_a_job_that_fails_stops_the_protocol_before_anything_is_chosen(tmp_path, capsys):
    (tmp_path / "few.yaml").write_text(TINY.replace("}\nattacks", ", few: aggregator=krum f=3}\nattacks"))
    assert main(["protocol", "few.yaml"]) == 1
    assert "pilots has 1 of 2 jobs without a result; the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "outputs/protocol_few/tuning").exists()
    with pytest.raises(ValueError, match="needs a protocol that was run to its end; got: pilots has 1 of 2 jobs"):
        reported(tmp_path / "few.yaml", tmp_path / "outputs/protocol_few")
