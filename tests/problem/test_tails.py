"""The least squares of the THROTTLE paper: tails of 32,000 gradients, as docs/problems.md tells to run them.

Otsuka, Takezawa, Meyer, Koloskova, Yamada: THROTTLE (preprint, 2026) publish 1.37e-4 for asynchronous SGD and 3.46e-3
for minibatch SGD; the ranges are those of independent trials with this law of A and b.
"""

import polars as pl
import pytest

import byzsgd

COMMON = ("dataset=least_squares", "batch_size=256", "num_workers=40", "num_byzantine=0", "budget.arrivals=32000")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "least", "most"),
    [
        (("aggregator=asgd", "optimizer.lr=.5"), 1.1e-4, 1.4e-4),
        (("aggregator=sum", "delay=constant", "optimizer.lr=.198"), 3.4e-3, 3.7e-3),
    ],
    ids=["asgd", "sum"],
)
def test_the_tail_is_the_published_one(settings, least, most):
    run = byzsgd.experiment(*COMMON, "eval_every=320", *settings).run()
    tail = run.metrics.filter(pl.col("arrivals") > 0.9 * 32_000)["suboptimality"]
    assert len(tail) == 10
    assert least <= tail.mean() <= most
