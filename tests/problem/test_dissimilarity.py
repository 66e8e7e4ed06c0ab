"""The measured (G, B) of workers' objectives."""

import numpy as np
import pytest
import torch
from problem_world import generator, loaded, member, problem

import byzsgd
from byzsgd.interfaces import Batch
from byzsgd.kernel.engine.dissimilarity import _bound, dissimilarity


def test_spread_and_norm_against_the_definition():
    problem_ = problem("digits", dtype=torch.float64)
    data = problem_.data.train
    blocks = member("partition", "extreme")(data, 4, generator(0))
    points = [problem_.initial(generator(seed)) for seed in range(3)]
    found = dissimilarity(problem_, blocks, points)
    for point, spread, norm in zip(points, found.spreads, found.norms, strict=True):
        local = [problem_.gradient(point, Batch(data.inputs[b], data.targets[b], 10)) for b in blocks]
        mean = sum(local) / 4
        assert spread == pytest.approx(sum(float((g - mean).norm()) ** 2 for g in local) / 4, rel=1e-9)
        assert norm == pytest.approx(float(mean.norm()) ** 2, rel=1e-9)
        assert spread <= found.G**2 + found.B**2 * norm + 1e-9
    even = dissimilarity(problem_, member("partition", "iid")(data, 4, generator(0)), points)
    assert max(even.spreads) < 0.2 * min(found.spreads)
    assert dissimilarity(problem_, [np.arange(len(loaded("digits").train.targets))], points).G == 0.0


def test_a_run_reports_it_of_its_honest_workers(tmp_path, capsys, monkeypatch):
    from byzsgd.cli import main

    monkeypatch.chdir(tmp_path)
    settings = ("partition=dirichlet", "partition.alpha=0.3", "budget.arrivals=120", "eval_every=40", "attack=reversed")
    assert main(["train", *settings, "metrics.dissimilarity=true", "hydra.run.dir=here"]) == 0
    run = byzsgd.load("here")
    found, rows = run.info["dissimilarity"], run.metrics
    assert found["points"] == len(rows) == 4 and found["G"] + found["B"] > 0
    bound = found["G"] ** 2 + found["B"] ** 2 * rows["dissimilarity_norm"]
    assert (rows["dissimilarity"] <= bound * (1 + 1e-9)).all()
    assert f"dissimilarity: G = {found['G']:.3g}, B = {found['B']:.3g} at 4 evaluations" in capsys.readouterr().out

    experiment = byzsgd.experiment(*settings)
    session = experiment.prepare()
    honest = [block for worker, block in enumerate(session.blocks) if worker not in experiment.byzantine]
    assert len(honest) == 12
    by_hand = dissimilarity(session.problem, honest, [session.initial])
    assert rows["dissimilarity"][0] == pytest.approx(by_hand.spreads[0])
    assert rows["dissimilarity_norm"][0] == pytest.approx(by_hand.norms[0])


@pytest.mark.parametrize(
    ("spreads", "norms", "expected"),
    [
        ([1.0, 1.0], [1.0, 2.0], (1.0, 0.0)),
        ([1.0, 2.0], [1.0, 2.0], (0.0, 1.0)),
        ([2.0, 3.0], [1.0, 2.0], (1.0, 1.0)),
        ([3.0, 2.0], [1.0, 2.0], (3.0, 0.0)),
        ([2.0, 3.0, 2.0], [1.0, 2.0, 1.5], (1.0, 1.0)),
        ([0.5], [0.0], (0.5, 0.0)),
    ],
)
def test_the_least_bound(spreads, norms, expected):
    assert _bound(np.array(spreads), np.array(norms)) == pytest.approx(expected)


def test_the_least_bound_against_linear_programming():
    from scipy.optimize import linprog

    for seed in range(20):
        draw = np.random.default_rng(seed)
        spreads, norms = draw.random(6), draw.random(6) + 0.1
        level, slope = _bound(spreads, norms)
        best = linprog([6, norms.sum()], A_ub=-np.stack([np.ones(6), norms], axis=1), b_ub=-spreads)
        assert 6 * level + slope * norms.sum() == pytest.approx(best.fun, rel=1e-6)
