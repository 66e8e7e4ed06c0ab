"""Studies: what they would run can run, what they find is what their pages say."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import yaml
from made_up_runs import run

from byzsgd import config
from byzsgd.analysis import compare
from byzsgd.analysis.estimates import Estimate, estimate
from byzsgd.analysis.protocol import Protocol
from byzsgd.cli import main
from byzsgd.console.cost import Cost, jobs_of_stages
from byzsgd.reporting.against import against, read_reference
from byzsgd.studies import look_of
from byzsgd.studies.finding import Finding, Record, at_least, at_most, near, read_record
from byzsgd.studies.kardam_price import SHARES
from byzsgd.studies.pages import measured, part_of, publish
from byzsgd.studies.plan import SCALES, Grid, read_study

pytestmark = pytest.mark.usefixtures("elsewhere")

NAMES = sorted(config.named_files("study"))
PAGES = Path(__file__).resolve().parents[2] / "docs" / "studies"
PUBLISHED = sorted(page.stem for page in PAGES.glob("*.json"))
QUICK = ("basgd-filters", "zeno-beyond-third")  # a grid and a protocol


def study(name):
    return read_study(config.named_file("study", name), lambda each: config.named_file("protocol", each))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in NAMES]
)
def test_every_study_runs_draws_and_tells(name, tmp_path, capsys):
    assert main(["reproduce", name, "engine=loop", "--scale", "tiny", "--output", "out", "--publish", "pages"]) == 0
    record = read_record(tmp_path / f"pages/{name}.json")
    assert (
        record.findings and record.gradients and record.command == f"byzsgd reproduce {name} engine=loop --scale tiny"
    )
    drawn = list((tmp_path / "pages").glob(f"{name}-*.png"))
    assert drawn and len(drawn) == len(list((tmp_path / "out/figures").glob("*.svg")))
    page = (tmp_path / f"pages/{name}.md").read_text()
    assert part_of(page) == measured(record)
    assert all(figure.name in page for figure in drawn)
    assert record.findings[0].measured in capsys.readouterr().out
    if isinstance(study(name).at("tiny"), Protocol):
        assert main(["compare", "out/reporting", "--against", f"pages/{name}.csv"]) == 0
        assert "beside the reference" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_every_study_is_whole(name):
    found = study(name)
    assert set(found.scales) == set(SCALES) and look_of(name).__doc__
    small, full = (sum(map(len, jobs_of_stages(found.at(scale), config.jobs_of).values())) for scale in SCALES[1:])
    assert 0 < small <= full or name in ("flag-rounds", "map")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_setting_of_every_scale_can_be(name):
    for scale in ("small", "full"):
        jobs = {job for jobs in jobs_of_stages(study(name).at(scale), config.jobs_of).values() for job in jobs}
        kinds = {tuple(word for word in job if not word.startswith(("seed=", "optimizer.lr="))) for job in jobs}
        for kind in kinds:
            config.experiment(*kind)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_page_says_what_its_record_says(name):
    record = read_record(PAGES / f"{name}.json")
    assert part_of((PAGES / f"{name}.md").read_text()) == measured(record)
    assert record.study == name and name in NAMES
    assert record.command == f"byzsgd reproduce {name} --scale {record.scale}"
    assert all(len(commit) == 40 for commit in record.commits), "a record comes from a clean checkout"
    assert (record.title, record.claim, record.source) == (study(name).title, study(name).claim, study(name).source)
    jobs = jobs_of_stages(study(name).at(record.scale), config.jobs_of)
    if isinstance(study(name).at(record.scale), Grid):
        assert record.runs == len(set(jobs["runs"])) * max(1, len(study(name).at(record.scale).masses))


def test_the_page_of_studies_names_them_all_and_leads_to_those_that_were_run():
    text = (PAGES.parent / "studies.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in text] == []
    assert sorted(re.findall(r"\(studies/(.*?)\.md\)", text)) == PUBLISHED


def test_a_page_whose_numbers_are_changed_is_seen(tmp_path):
    record = Record("mine", "Mine", "it holds", "Me", "byzsgd reproduce mine", "small", ["a" * 40], [0, 1, 2], 3, 900,
                    [Finding("share", "≤ 0.50", "0.40", True, 3)])  # fmt: skip
    publish(record, tmp_path, {"mine-share.png": "share"})
    page = tmp_path / "mine.md"
    assert "| share | ≤ 0.50 | 0.40 | 3 | holds |" in page.read_text() and "seeds 0 to 2" in page.read_text()
    assert read_record(tmp_path / "mine.json") == record
    page.write_text(page.read_text().replace("0.40", "0.45") + "\nWhy: words of a person.\n")
    assert part_of(page.read_text()) != measured(record)
    publish(record, tmp_path, {})
    assert part_of(page.read_text()) == measured(record) and "words of a person" in page.read_text()
    page.write_text("nothing")
    with pytest.raises(ValueError, match="needs the marks"):
        publish(record, tmp_path, {})


@pytest.mark.parametrize(
    ("finding", "claimed", "holds"),
    [
        (at_most("x", 1.2, estimate([1.1, 1.2, 1.3])), "≤ 1.20", True),
        (at_most("x", 1.2, estimate([1.1, 1.3, 1.3])), "≤ 1.20", False),
        (at_most("x", 1.2, estimate([1.0, math.inf, math.inf])), "≤ 1.20", False),
        (at_most("x", 1.2, estimate([])), "≤ 1.20", None),
        (at_most("x", 1.2, Estimate(1.1, 1.0, 1.2, 3, bound=">")), "≤ 1.20", None),
        (at_most("x", 1.2, Estimate(1.3, 1.0, 1.4, 3, bound=">")), "≤ 1.20", False),
        (at_most("x", 1.2, Estimate(1.3, 1.0, 1.4, 3, bound="<")), "≤ 1.20", None),
        (at_least("x", 0.9, estimate([0.8, 0.9, 1.0])), "≥ 0.90", True),
        (at_least("x", 0.9, estimate([0.8, -math.inf, -math.inf])), "≥ 0.90", False),
        (near("x", 0.5, 0.1, estimate([0.61, 0.61])), "0.50 ± 0.10", False),
        (near("x", 0.5, 0.1, estimate([0.59, 0.59])), "0.50 ± 0.10", True),
    ],
)
def test_what_holds(finding, claimed, holds):
    assert (finding.claimed, finding.holds) == (claimed, holds)


def test_closed_forms_of_what_passes():
    # n = 10, f = 3: seven coefficients of ten pass, six last accepted of ten are barred
    assert [SHARES[name](10, 3) for name in ("lipschitz", "frequency", "both")] == pytest.approx([0.7, 0.4, 0.28])


GRID = """
title: Mine
claim: it holds
source: Me
runs: ["aggregator=asgd,krum seed=range(2)"]
scales: {tiny: , small: {settings: "num_workers=9 seed=5", masses: [.1, .2]}, full: {runs: ["aggregator=kardam"]}}
"""


def test_a_scale_overrides_what_all_runs_have(tmp_path):
    (tmp_path / "mine.yaml").write_text(GRID)
    mine = read_study(tmp_path / "mine.yaml", Path)
    assert mine.at("tiny").jobs(config.jobs_of) == [
        (f"aggregator={server}", f"seed={seed}") for server in ("asgd", "krum") for seed in (0, 1)
    ]
    small = mine.at("small")
    jobs = small.jobs(config.jobs_of)
    assert jobs == [(f"aggregator={server}", "seed=5", "num_workers=9") for server in ("asgd", "krum")]
    rates = {(f"aggregator={server}", "num_workers=9"): rate for server, rate in (("asgd", 1.0), ("krum", 0.1))}
    assert [job[-1] for job in small.with_steps(rates, config.jobs_of)] == [
        f"optimizer.lr={lr}" for lr in ("0.1", "0.2", "1", "2")
    ]
    assert mine.at("full").jobs(config.jobs_of) == [("aggregator=kardam",)]
    assert isinstance(study("map").at("small"), Protocol)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["kardam-prize"], "no study 'kardam-prize'; did you mean kardam-price?"),
        ([], "reproduce needs the name of a study, or --list; got study=none"),
        (["kardam-price", "--scale", "huge"], "study kardam-price needs a scale of tiny, small, full; got scale=huge"),
        (["none.yaml"], "cannot read none.yaml"),
        (["half.yaml"], "half.yaml needs the settings claim, runs, scales, source, title; got none of ['claim'"),
    ],
)
def test_a_mistake_is_one_line(arguments, sentence, tmp_path, capsys):
    (tmp_path / "half.yaml").write_text("title: half")
    assert main(["reproduce", *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


@pytest.mark.parametrize("command", [("reproduce", "basgd-filters"), ("protocol", "servers_attacks")])
def test_an_override_of_all_runs_has_one_value(command, capsys, tmp_path):
    assert main([*command, "seed=range(3)", "--output", "out"]) == 2
    needs = "a stage needs one value in each override of all its runs; got override=seed=range(3)"
    assert capsys.readouterr().err == f"byzsgd: {needs}\n"
    assert not (tmp_path / "out").exists()


def test_the_cost_is_told_and_nothing_is_run(tmp_path, capsys):
    node = yaml.safe_load(GRID)
    node["scales"]["small"]["settings"] += " budget.arrivals=300"
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(node))
    assert main(["reproduce", "mine.yaml", "engine=loop", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "mine: 6 runs at the most (2 pilots, 4 runs), 1,800 delivered gradients" in said
    assert "about" in said and "on one core" in said and not (tmp_path / "outputs").exists()
    assert Cost(0, 7200.0).words() == "2.0 hours" and Cost(0, 300.0).words() == "5.0 minutes"


REFERENCE = """aggregator,step,no attack,no attack low,no attack seeds,label flip,label flip low,label flip seeds
asgd,attack-free,0.99,0.9,3,0.9,0.8,3
asgd,minimax,0.95,0.9,3,-inf,,3
"""


def test_a_reference_is_read_as_it_was_written(tmp_path, capsys):
    (tmp_path / "map.csv").write_text(REFERENCE)
    known = read_reference(tmp_path / "map.csv")
    assert known == {("asgd", "none"): 0.95, ("asgd", "label flip"): -math.inf}
    runs = [run("asgd", attack) for attack in ("none", "label_flip", "lie")]
    table = against(compare(runs), known, "map.csv")
    assert [row[1].text for row in table.rows] == ["none", "label_flip"]
    ours = table.rows[0][4].estimate.middle
    assert table.rows[0][-1].text.replace("−", "-") == f"{ours - 0.95:+.3f}"
    with pytest.raises(ValueError, match="map.csv needs a server and an attack of these runs; got none of 2"):
        against(compare([run("krum", "none")]), known, "map.csv")
    (tmp_path / "map.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="needs the column aggregator; got a, b"):
        read_reference(tmp_path / "map.csv")


def test_all_studies_are_listed(capsys):
    assert main(["reproduce", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == NAMES
