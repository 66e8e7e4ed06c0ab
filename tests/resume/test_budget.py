"""A run ends at the first limit of its budget that it reaches, on every path."""

from __future__ import annotations

import itertools

import pytest

import byzsgd

TINY = ("num_workers=5", "num_byzantine=0", "f=0", "batch_size=4", "aggregator=asgd", "aggregator/collector=buffer",
        "aggregator.collector.size=2", "eval_every=1000")  # fmt: skip
# Where each limit alone would end the run: (its value, how far the run goes in it).
FIRST = {"updates": 9, "arrivals": 31, "time": 4.0}
FAR = {"updates": 200, "arrivals": 400, "time": 80.0}


@pytest.mark.parametrize("engine", ["loop", "compiled"])
@pytest.mark.parametrize("limits", [{*some} for size in (1, 2) for some in itertools.combinations(FIRST, size)],
                         ids=lambda limits: "+".join(sorted(limits)))  # fmt: skip
def test_a_run_ends_at_the_first_limit_that_it_reaches(limits, engine):
    """Of one limit that is near, or of two, beside the others that are far."""
    if engine == "compiled":
        pytest.importorskip("numba")
    words = [f"budget.{name}={FIRST[name] if name in limits else FAR[name]}" for name in FIRST]
    rows = byzsgd.experiment(*TINY, f"engine={engine}", *words).run().arrivals
    made = {"updates": rows["updated"].sum(), "arrivals": len(rows), "time": rows["time"][-1]}
    before = {"updates": rows["updated"][:-1].sum(), "arrivals": len(rows) - 1, "time": rows["time"][-2]}
    assert any(made[name] >= FIRST[name] for name in limits)
    assert all(before[name] < FIRST[name] for name in limits)
