"""When checkpoints are written that nobody has asked for by number."""

from __future__ import annotations

import pytest

import byzsgd
from byzsgd.run import saving
from byzsgd.run.saving import SHARE, Saving
from byzsgd.run.screen import Nobody


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(saving, "time", clock)
    return clock


def size():
    return 0


def test_work_outweighs_checkpoints_by_the_share(clock):
    plan = Saving(None, since=100.0)
    clock.now += saving.FIRST - 0.01
    assert not plan.due(1, size)
    clock.now += 0.02
    assert plan.due(2, size)
    with plan.timed():
        clock.now += 3.0
    clock.now += SHARE * 3.0 - 0.01
    assert not plan.due(3, size)
    clock.now += 0.02
    assert plan.due(4, size)
    assert plan.left(4) is None


def test_the_first_one_waits_as_long_as_the_state_has_grown(clock):
    plan, sizes = Saving(None, since=100.0), iter([2 * saving.SPEED, 3 * saving.SPEED, 3 * saving.SPEED])
    for seconds in (saving.FIRST, SHARE * 2.0, SHARE * 3.0):
        clock.now = 100.0 + seconds - 0.01
        assert not plan.due(1, lambda: next(sizes))
        clock.now += 0.02
        assert plan.due(2, lambda: next(sizes)) == (seconds == SHARE * 3.0)


def test_a_number_counts_arrivals(clock):
    plan = Saving(5)
    assert [arrivals for arrivals in range(1, 12) if plan.due(arrivals, size)] == [5, 10]
    assert [plan.left(arrivals) for arrivals in (0, 3, 5)] == [5, 2, 5]


@pytest.mark.parametrize("engine", ["loop", "compiled"])
def test_a_long_run_is_saved_by_itself(engine, tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(saving, "SHARE", 0)
    found = []

    class Looking(Nobody):
        def metrics(self, row):
            found.append(len(list((tmp_path / "run").glob("checkpoints/*.safetensors"))))

    settings = ("budget.arrivals=60", "batch_size=4", "eval_every=20", f"engine={engine}")
    byzsgd.experiment(*settings).run(tmp_path / "run", screen=Looking())
    assert found[0] == 0 and found[-1] == 2
    with pytest.raises(ValueError, match="checkpoint_every needs a value >= 1, or null; got checkpoint_every=0"):
        byzsgd.experiment(*settings, "checkpoint_every=0")
