"""Studies: what they would run can run, what they find is what their pages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from byzsgd import config
from byzsgd.cli import main
from byzsgd.studies.finding import read_record
from byzsgd.studies.pages import measured, part_of

NAMES = sorted(config.named_files("study"))
PAGES = Path(__file__).resolve().parents[2] / "docs" / "studies"
QUICK = ("basgd-filters", "zeno-beyond-third")  # of either kind one; all others are slow together


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_every_study_runs_draws_and_tells(name, tmp_path, capsys):
    assert main(["reproduce", name, "--scale", "tiny", "--output", "out", "--publish", "pages"]) == 0
    record = read_record(tmp_path / f"pages/{name}.json")
    assert record.findings and record.runs and record.gradients
    assert list((tmp_path / "pages").glob(f"{name}-*.png")) and list((tmp_path / "out/figures").glob("*.svg"))
    page = (tmp_path / f"pages/{name}.md").read_text()
    assert part_of(page) == measured(record)
    said = capsys.readouterr().out
    assert record.findings[0].measured in said
