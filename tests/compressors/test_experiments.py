"""What the published experiments are expected to show, in reach of a few minutes; and that they compose and start."""

import math

import numpy as np
import pytest
import torch

import byzsgd
from byzsgd import compressors
from byzsgd.compressors.dynamic import solved_scale

EXPERIMENTS = ("stochastic_sign", "dp_sign", "ef_signsgd", "dq_sgd")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_starts(name):
    run = byzsgd.experiment(f"experiment={name}", "budget.updates=2", "budget.arrivals=70").run()
    assert run.info["status"] == "finished"
    assert run.metrics["step"].max() == 2


def test_the_experiment_on_pictures_composes():
    dynamic = ("compressor=dynamic", "compressor.decay=.99", "compressor.budget=2")
    assert byzsgd.experiment("experiment=bits_cifar10", *dynamic).num_workers == 8


@pytest.mark.slow
def test_one_label_a_worker():
    """signSGD is near chance, the stochastic sign learns, and feedback improves it (medians of 3 seeds)."""

    def accuracy(*overrides):
        runs = [byzsgd.experiment("experiment=stochastic_sign", "eval_every=9300", f"seed={seed}", *overrides).run()
                for seed in range(3)]  # fmt: skip
        return float(np.median([run.metrics["test_accuracy"][-1] for run in runs]))

    assert accuracy("compressor.bound=0.0") < 0.25
    assert accuracy() > 0.92
    assert accuracy("aggregator.feedback=votes") > 0.94


# E f(x_T), T, σ, levels of the fixed quantiser: fixed and dynamic, with standard errors (d = 64, mean of 100 runs).
TABLE = [
    (100, 0.0, 2, 7.83e-5, 7.94e-5, 5e-7),
    (100, 0.0, 3, 7.67e-5, 7.68e-5, 5e-7),
    (100, 0.02, 2, 1.86e-3, 1.49e-3, 3e-5),
    (100, 0.02, 3, 1.62e-3, 1.46e-3, 3e-5),
    (100, 0.02, 7, 1.48e-3, 1.45e-3, 3e-5),
    (200, 0.05, 2, 1.101e-2, 8.47e-3, 1.5e-4),
    (200, 0.05, 3, 9.59e-3, 8.43e-3, 1.5e-4),
    (200, 0.05, 7, 8.60e-3, 8.41e-3, 1.5e-4),
]
SPECTRUM = torch.linspace(0.2, 1.0, 64, dtype=torch.float64)
LR, DECAY, RUNS = 0.2, 0.928, 100


def descend(horizon, sigma, levels, seed):
    """Losses at the end and ‖g_t‖∞ of each step, of RUNS runs; levels(step, norm) -> s, None: no quantiser."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.ones(RUNS, 64, dtype=torch.float64)
    norms = torch.empty(horizon, RUNS, dtype=torch.float64)
    for step in range(horizon):
        g = SPECTRUM * x + sigma * torch.randn(x.shape, dtype=torch.float64, generator=generator)
        norms[step] = g.abs().amax(1)
        if levels is not None:
            uniforms = torch.rand(x.shape, dtype=torch.float64, generator=generator)
            g = torch.stack([
                compressors.qsgd(levels=levels(step, float(norm)), norm="linf").compress(row, u)[0]
                for row, u, norm in zip(g, uniforms, norms[step], strict=True)
            ])  # fmt: skip
        x = x - LR * g
    return 0.5 * (SPECTRUM * x * x).sum(1), norms


@pytest.mark.slow
@pytest.mark.parametrize(("horizon", "sigma", "s", "fixed", "dynamic", "error"), TABLE)
def test_the_table_of_the_noisy_quadratic(horizon, sigma, s, fixed, dynamic, error):
    _, norms = descend(horizon, sigma, None, 1)
    scale = solved_scale(norms.mean(1), DECAY, horizon, math.log2(s + 1) + 1)
    rule = compressors.dynamic(decay=DECAY, scale=scale, horizon=horizon)
    by_fixed, _ = descend(horizon, sigma, lambda step, norm: s, 2)
    by_rule, _ = descend(horizon, sigma, lambda step, norm: max(1, round(rule.levels(norm, step))), 3)
    for found, expected in ((by_fixed, fixed), (by_rule, dynamic)):
        own = float(found.std()) / math.sqrt(RUNS)
        assert float(found.mean()) == pytest.approx(expected, abs=3 * math.hypot(own, error))
