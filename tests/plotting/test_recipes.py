"""Published figures: every recipe names an experiment that composes and draws from the runs that it gives."""

from __future__ import annotations

import dataclasses
import subprocess
from itertools import product
from pathlib import Path

import polars as pl
import pytest
import yaml
from made_up_runs import network_run, run, sweep

from byzsgd.analysis import compare
from byzsgd.config import named_files
from plots import __main__ as plots

RUNS = {
    "quickstart": lambda: sweep(("asgd", "kardam"), ("none", "reversed", "lie"), 2),
    "slowdown": lambda: [
        run(server, "none", byzantine=0, settings={"f": f}) for server in ("kardam", "kardam_author") for f in range(3)
    ],
    "heterogeneity": lambda: [
        run(attack=attack, byzantine=count, settings={"partition": {"alpha": alpha}})
        for attack, count, alpha in product(("lie", "ipm"), (1, 2), (0.1, 1.0))
    ],
    **{
        name: lambda: [
            network_run(seed, scheme_rule=rule, attack=attack)
            for rule, attack, seed in product(("mean", "clipped"), ("none", "ipm"), range(2))
        ]
        for name in ("clipped_gossip", "bridge_node", "broken_majority", "liars_on_graphs")
    },
    "volatile": lambda: [
        dataclasses.replace(made, metrics=made.metrics.with_columns(cost=pl.col("time")))
        for made in (run("asgd", "none", choices={"delay/availability": name}) for name in ("on_demand", "spot"))
    ],
}


@pytest.mark.parametrize("name", plots.recipes())
def test_a_recipe_draws(name, tmp_path):
    recipe = plots.recipes()[name]
    assert (plots.EXPERIMENTS / f"{recipe.EXPERIMENT}.yaml").is_file()
    figure = recipe.figure(compare(RUNS[recipe.EXPERIMENT]()))
    assert len(figure.axes) >= 1
    assert recipe.__doc__


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({recipe.EXPERIMENT for recipe in plots.recipes().values()}))
def test_the_settings_of_an_experiment_can_run(name):
    import byzsgd
    from byzsgd.config.sweeps import jobs_of

    params = yaml.safe_load((plots.EXPERIMENTS / f"{name}.yaml").read_text())["hydra"]["sweeper"]["params"]
    jobs = [job for job in jobs_of([f"{key}={values}" for key, values in params.items()]) if "seed=0" in job]
    for job in jobs[:: -(-len(jobs) // 40)] + jobs[-1:]:
        byzsgd.experiment(f"experiment={name}", *job)


@pytest.mark.slow
@pytest.mark.parametrize("file", named_files("protocol").values(), ids=lambda file: file.stem)
def test_every_server_and_attack_of_a_protocol_can_run(file):
    import byzsgd
    from byzsgd.analysis.protocol import read

    protocol = read(file)
    for server, attack in product(protocol.servers, protocol.attacks):
        byzsgd.experiment(*protocol.job(server, attack, 0, 0.1))


def test_an_experiment_is_run_once_for_each_version(tmp_path, monkeypatch):
    commands = []

    def pretend(command, **settings):
        commands.append(command)
        Path(command[-1].partition("=")[2]).mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(plots.subprocess, "run", pretend)
    monkeypatch.setattr(plots, "OUTPUTS", tmp_path / "outputs")
    monkeypatch.setattr(plots, "EXPERIMENTS", tmp_path)
    (tmp_path / "mine.yaml").write_text("seed: 1")
    folder = plots.runs_of("mine")
    plots.runs_of("mine")
    assert len(commands) == 1
    assert commands[0][-3:] == ["-m", "experiment=mine", f"hydra.sweep.dir={folder}"]
    (tmp_path / "mine.yaml").write_text("seed: 2")
    plots.runs_of("mine")
    assert len(commands) == 2


def test_a_figure_that_does_not_exist(capsys):
    with pytest.raises(SystemExit):
        plots.main(["openning"])
    assert "no figure 'openning'; there are bridge_node, broken_majority, clipped_gossip" in capsys.readouterr().err
