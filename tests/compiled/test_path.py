"""Which runs compiled code plays, what the record says of it, and what happens when it is not there."""

from __future__ import annotations

import functools
import sys

import pytest

import byzsgd
from byzsgd.aggregators.dampings import inverse
from byzsgd.aggregators.filters import frequency
from byzsgd.cli import main
from byzsgd.interfaces.compiled import compiled_as
from byzsgd.kernel.compiled.plan import form_of
from byzsgd.run import engine_path as path
from byzsgd.run.engine_path import SHORT
from byzsgd.run.screen import Nobody

TINY = ("batch_size=4", "num_workers=10", "num_byzantine=3")
LONG = (*TINY, f"budget.arrivals={SHORT + 100}", "eval_every=300")


class Heard(Nobody):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)  # as if it were not there
    monkeypatch.setattr(path, "_shown", set())


def chosen(*overrides):
    return byzsgd.experiment(*LONG, *overrides).prepare().chosen.name


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (("attack=label_flip",), "attack label_flip, which may look at more than vectors"),
        (("attack=adaptive",), "attack adaptive, which may look at more than vectors"),
        (("attack=crash",), "attack crash, which may look at more than vectors"),
        (("delay=d1", "attack=none"), "prescribed staleness"),
        (("delay/availability=periodic",), "workers that are not always there"),
        (("worker=storm",), "worker rule storm"),
        (("optimizer=anytime",), "optimizer anytime"),
        (("model=mlp", "model.activation=gelu"), "activation gelu"),
        (("metrics.study=true",), "metrics.study"),
    ],
)
def test_what_is_not_played_is_recorded_with_the_reason(overrides, reason):
    assert chosen(*overrides).endswith(f"not compiled: {reason})")


GENERAL = ("attack=label_flip",)  # no stretch plays it


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ((), f"compiled gradients after {SHORT} arrivals (numba "),
        (("engine.compiled=false",), "fused"),
        (("engine=fused",), "fused"),
        (("model=mlp", "model.widths=[900,900]"), "fused (not compiled: attack label_flip, which may look at more than "
         "vectors; a model of 878410 numbers)"),
        (("model=mlp", "model.widths=[200,200]", "batch_size=65"), "fused (not compiled: attack label_flip, which may "
         "look at more than vectors; batches of 65 examples)"),
        (("batch_size=65",), f"compiled gradients after {SHORT} arrivals (numba "),
        (("engine.max_in_flight_bytes=0",), "loop (not fused: a model too large to compute two gradients at once; "),
    ],
)  # fmt: skip
def test_gradients_alone_are_compiled_where_that_is_faster(overrides, said):
    pytest.importorskip("numba")
    assert chosen(*GENERAL, *overrides).startswith(said)


def test_the_path_does_not_depend_on_the_budget():
    pytest.importorskip("numba")
    assert chosen() == chosen("budget.arrivals=1") == chosen("budget.updates=1")
    assert chosen().startswith(f"compiled after {SHORT} arrivals (numba ")
    assert chosen("engine.compiled=false") == "fused"
    assert chosen("engine=compiled").startswith("compiled (numba ")


@pytest.mark.parametrize("overrides", [(), GENERAL], ids=["turns", "gradients"])
def test_a_short_run_is_over_before_numba_is_imported(overrides, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setitem(sys.modules, "byzsgd.kernel.compiled.cache", None)  # which alone imports it
    assert len(byzsgd.experiment(*LONG, *overrides, f"budget.arrivals={SHORT}").run().arrivals) == SHORT
    with pytest.raises(ImportError):
        byzsgd.experiment(*LONG, *overrides, f"budget.arrivals={SHORT + 1}").run()


def test_what_is_asked_for_and_cannot_be_is_refused_in_one_line(tmp_path, capsys):
    assert main(["train", *LONG, "engine=compiled", "optimizer=anytime", f"hydra.run.dir={tmp_path}/run"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "got reason=optimizer anytime" in error


def test_only_exactly_what_was_declared_has_a_form():
    class Stricter(frequency):
        """A subclass that may judge otherwise."""

    @functools.wraps(inverse)
    def wrapping(state, arrival):
        return 2 * inverse(state, arrival)

    assert form_of(frequency(f=2, strict=True)) == ("frequency", {"f": 2})
    assert form_of(Stricter(f=2, strict=True)) is None
    assert form_of(functools.partial(inverse)) == ("inverse", {})
    assert form_of(wrapping) is None
    assert form_of(compiled_as("own")(wrapping)) == ("own", {})


def test_without_numba_everything_works_and_one_line_says_how_to_be_faster(without_numba):
    heard = Heard()
    short = byzsgd.experiment(*LONG, f"budget.arrivals={SHORT}").run(screen=heard)
    assert not heard.lines
    runs = [short, *(byzsgd.experiment(*LONG, f"seed={seed}").run(screen=heard) for seed in (0, 1))]
    assert {run.info["engine"] for run in runs} == {"fused (not compiled: numba is not installed)"}
    assert len(heard.lines) == 1 and "pip install 'byzsgd[fast]'" in heard.lines[0]
    assert (
        byzsgd.experiment(*LONG, *GENERAL).run(screen=heard).info["engine"].endswith("vectors; numba is not installed)")
    )
    assert len(heard.lines) == 2 and "would be faster with Numba" in heard.lines[1]


def test_warm_says_what_is_missing(without_numba, capsys):
    assert main(["warm"]) == 2
    assert "compiled code needs the extra byzsgd[fast]" in capsys.readouterr().err


def interrupted(folder, at, attack="lie"):
    """A run that was asked to stop behind a checkpoint at so many arrivals."""

    class Stopping(Nobody):
        def metrics(self, row):
            if row["arrivals"] == at + 50:
                raise KeyboardInterrupt

    settings = (*TINY, f"budget.arrivals={SHORT + 200}", "checkpoint_every=50", "eval_every=50", f"attack={attack}")
    with pytest.raises(KeyboardInterrupt):
        byzsgd.experiment(*settings).run(folder, screen=Stopping())
    return settings


def assert_same(one, other):
    """Two run folders hold the same records and the same model, to the bit."""
    runs = [byzsgd.load(folder) for folder in (one, other)]
    assert runs[0].arrivals.equals(runs[1].arrivals) and runs[0].metrics.equals(runs[1].metrics)
    params = [(folder / "params.safetensors").read_bytes() for folder in (one, other)]
    assert params[0] == params[1]


@pytest.mark.parametrize(
    ("attack", "at"),  # under label_flip gradients alone are compiled
    [("lie", SHORT - 50), ("lie", SHORT), ("lie", SHORT + 50), ("label_flip", SHORT - 50), ("label_flip", SHORT + 50)],
)
def test_a_run_that_was_stopped_around_the_switch_ends_with_the_same_bits(attack, at, tmp_path):
    pytest.importorskip("numba")
    settings = interrupted(tmp_path / "run", at, attack)
    assert max(int(kept.name[:12]) for kept in (tmp_path / "run").glob("checkpoints/*")) == at
    runs = [byzsgd.experiment(*settings).run(tmp_path / name) for name in ("run", "whole")]
    assert len(runs[0].arrivals) == SHORT + 200
    assert_same(tmp_path / "run", tmp_path / "whole")


@pytest.mark.parametrize(("attack", "what"), [("lie", "compiled"), ("label_flip", "compiled gradients")])
def test_another_path_does_not_go_on(attack, what, tmp_path, monkeypatch, capsys):
    pytest.importorskip("numba")
    settings = interrupted(tmp_path / "run", SHORT, attack)
    monkeypatch.setitem(sys.modules, "numba", None)
    assert main(["train", *settings, f"hydra.run.dir={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err
    assert f"needs the engine that it was started with, {what} after {SHORT} arrivals (numba" in error
    assert error.count("\n") == 1


def test_what_another_path_has_ended_is_no_beginning(tmp_path, monkeypatch, capsys):
    pytest.importorskip("numba")
    with monkeypatch.context() as hidden:
        hidden.setitem(sys.modules, "numba", None)
        byzsgd.experiment(*LONG, "budget.arrivals=50").run(tmp_path / "short")
    assert "extends" not in byzsgd.experiment(*LONG, "budget.arrivals=60").run(tmp_path / "long").info
    assert main(["resume", str(tmp_path / "short"), "budget.arrivals=70"]) == 2
    error = capsys.readouterr().err
    assert "short needs the engine that it was started with, fused (not compiled: numba" in error
    assert error.count("\n") == 1


def test_a_model_that_overflows_ends_like_on_the_general_path():
    pytest.importorskip("numba")
    settings = (*LONG, "aggregator=asgd", "attack=none", "optimizer.lr=1e30", "dtype=float32")
    runs = [byzsgd.experiment(*settings, engine).run() for engine in ("engine=compiled", "engine=fused")]
    assert [run.info["status"] for run in runs] == ["diverged"] * 2
    assert runs[0].info["reason"] == runs[1].info["reason"]
    assert len(runs[0].arrivals) == len(runs[1].arrivals)
