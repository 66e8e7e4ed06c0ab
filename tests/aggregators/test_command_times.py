"""Every attack under every delay, and the figure of every delay law, from the command line with tiny settings."""

import pytest
from test_command_runs import ATTACKS, DELAYS, refusal, run
from thinning import one_in

from byzsgd.cli import main


@pytest.mark.slow
@pytest.mark.parametrize("law", DELAYS)
def test_every_attack_under_every_delay(law, tmp_path, capsys):
    for attack in ATTACKS:
        folder = tmp_path / attack
        folder.mkdir()
        said, expected = run("kardam", attack, law, folder, capsys), refusal(attack, law)
        assert expected in said if expected else said == "", (attack, law)


@pytest.mark.parametrize("law", one_in(3, DELAYS))
def test_the_figure_of_every_delay(law, tmp_path, capsys):
    """The empirical law beside the theoretical one."""
    assert run("asgd", "none", law, tmp_path, capsys, "knowledge=own") == ""
    assert main(["plot", str(tmp_path / "run"), "--kind", "delays", "--format", "svg"]) == 0
    (picture,) = (tmp_path / "run").rglob("delays*.svg")
    assert picture.stat().st_size > 5_000
