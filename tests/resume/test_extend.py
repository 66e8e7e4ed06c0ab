"""A longer run begins where a finished shorter one ended: to the bits of one that ran from its start."""

from __future__ import annotations

import json

import pytest
from thinning import one_in

import byzsgd
from byzsgd.cli import main
from byzsgd.records import FolderRecorder, read_info
from byzsgd.records.checkpoints import NODES, checkpoints, load_params
from byzsgd.run.engine_path import SHORT

pytestmark = pytest.mark.usefixtures("elsewhere")

TINY = ("num_workers=7", "num_byzantine=1", "batch_size=4", "eval_every=100")
FEW = [
    ("aggregator=kardam", "attack=lie"),
    ("aggregator=basgd", "worker=momentum", "optimizer.momentum=0.9", "delay=gamma", "attack=ipm"),
    ("aggregator=krum", "attack=adaptive", "metrics.study=true", "delay/availability=periodic"),
    ("scheme=ad_psgd", "attack=sign_flip"),
]
TWENTY = [
    *[
        ("attack=lie", f"aggregator={name}")
        for name in ("asgd", "dynsgd", "fedbuff", "zeno_pp", "rennala", "ringmaster")
    ],
    *[("attack=sign_flip", f"aggregator={name}") for name in ("mifa", "throttle", "ringleader", "quorum", "dc_asgd")],
    *[("attack=none", f"delay={name}") for name in ("d1", "d2", "pareto", "markov", "two_speed")],
    *[("attack=gaussian", "optimizer=anytime"), ("worker=storm",), ("optimizer/schedule=inverse_power",)],
    ("metrics.dissimilarity=true", "attack=label_flip"),
]


@pytest.fixture
def computed(monkeypatch):
    """How many arrivals were computed since it was last cleared."""
    seen = []
    arrivals = FolderRecorder.arrivals
    monkeypatch.setattr(
        FolderRecorder, "arrivals", lambda recorder, block: (seen.extend(block["time"]), arrivals(recorder, block))[1]
    )
    return seen


def same(one, other):
    assert one.arrivals.equals(other.arrivals)
    assert one.metrics.equals(other.metrics)
    assert load_params(one.folder).equal(load_params(other.folder))
    assert (one.folder / NODES).exists() == (other.folder / NODES).exists()
    if (one.folder / NODES).exists():
        assert load_params(one.folder, NODES).equal(load_params(other.folder, NODES))
    assert one.info.get("dissimilarity") == other.info.get("dissimilarity")


def extends(words, first, then, tmp_path, computed):
    """From `first` to `then` arrivals, and beside it from the start."""
    experiment = lambda arrivals: byzsgd.experiment(*TINY, *words, f"budget.arrivals={arrivals}")  # noqa: E731
    experiment(first).run(tmp_path / "a" / "short")
    del computed[:]
    found = experiment(then).run(tmp_path / "a" / "long")
    assert len(computed) == then - first
    assert found.info["extends"] == ["short", first]
    same(found, experiment(then).run(tmp_path / "b" / "whole"))


BEGINNINGS = [*zip(FEW, (300, 300, 250, 250), strict=True), (FEW[0], SHORT - 50), (FEW[1], SHORT)]


@pytest.mark.parametrize(("words", "first"), one_in(2, BEGINNINGS, several=True), ids=lambda words: str(words)[:40])
def test_extending_gives_the_bits_of_a_run_from_its_start(words, first, tmp_path, computed):
    """Also from 250, which is no multiple of eval_every: the shorter run's closing evaluation is not the longer's; and
    from before the arrival behind which compiled code plays."""
    extends(words, first, 700, tmp_path, computed)


@pytest.mark.slow
@pytest.mark.parametrize("words", TWENTY, ids=lambda words: str(words)[:40])
def test_twenty_more(words, tmp_path, computed):
    extends(words, 900, 2000, tmp_path, computed)


@pytest.mark.parametrize("limit", ["updates", "time"])
def test_every_limit_of_the_budget_can_be_raised(limit, tmp_path, computed):
    experiment = lambda value: byzsgd.experiment(*TINY, "aggregator=krum", f"budget.{limit}={value}")  # noqa: E731
    short = experiment(12).run(tmp_path / "a" / "short")
    del computed[:]
    found = experiment(20).run(tmp_path / "a" / "long")
    assert len(computed) == len(found.arrivals) - len(short.arrivals) > 0
    same(found, experiment(20).run(tmp_path / "b" / "whole"))


def test_an_extension_that_is_cut_off_goes_on(tmp_path, computed, monkeypatch):
    from contextlib import contextmanager

    experiment = lambda arrivals: byzsgd.experiment(*TINY, f"budget.arrivals={arrivals}")  # noqa: E731
    experiment(130).run(tmp_path / "a" / "short")
    asked = iter(range(10**6))

    @contextmanager
    def stopping():
        yield lambda: 15 if next(asked) == 40 else 0  # before compiled code plays, which is asked less often

    with monkeypatch.context() as patch:
        patch.setattr("byzsgd.run.experiment.stop_signals", stopping)
        with pytest.raises(KeyboardInterrupt):
            experiment(300).run(tmp_path / "a" / "long")
    del computed[:]
    found = experiment(300).run(tmp_path / "a" / "long")
    assert len(computed) == 300 - 130 - 41
    same(found, experiment(300).run(tmp_path / "b" / "whole"))


def test_resume_extends_and_prints_the_folder(tmp_path, capsys, computed):
    assert main(["train", *TINY, "budget.arrivals=200", "hydra.run.dir=outputs/${run_name:}"]) == 0
    (short,) = (tmp_path / "outputs").iterdir()
    del computed[:]
    assert main(["resume", f"outputs/{short.name}", "budget.arrivals=500"]) == 0
    assert len(computed) == 300
    said = capsys.readouterr().out
    (long,) = set((tmp_path / "outputs").iterdir()) - {short}
    assert f"goes on where {short.name} ended, after 200 arrivals" in said
    assert f"folder: outputs/{long.name}" in said
    assert byzsgd.load(short).metrics["arrivals"][-1] == 200
    assert main(["train", *TINY, "budget.arrivals=500"]) == 0  # under the name that these words give it
    assert "is finished already" in capsys.readouterr().out


def test_a_longer_sweep_finds_the_runs_of_the_shorter(tmp_path, computed, capsys):
    assert main(["train", "-m", "seed=0,1", *TINY, "budget.arrivals=200"]) == 0
    del computed[:]
    assert main(["train", "-m", "seed=0,1", *TINY, "budget.arrivals=300"]) == 0
    assert len(computed) == 200
    assert capsys.readouterr().out.count("goes on where ") == 2
    del computed[:]
    assert main(["train", *TINY, "seed=1", "budget.arrivals=350"]) == 0  # a single run too
    assert len(computed) == 50


REFUSED = [
    (["budget.arrivals=100"], "budget.arrivals needs at least that of short, 200; got 100"),
    (["budget.arrivals=200"], "short needs a budget beyond its own, arrivals=200, to be extended; got arrivals=200"),
    (["budget.arrivals=300", "budget.updates=5"], "budget.updates needs at least that of short, null; got 5"),
    (["budget.arrivals=many"], "budget.arrivals needs a whole number; got 'many'"),
    (["budget.arivals=300"], "budget has no setting 'arivals'; did you mean arrivals?"),
    (["seed=3"], "resume needs settings of the budget alone (budget.arrivals=18000); got seed=3"),
]


def test_what_cannot_be_extended_is_refused_in_one_line(tmp_path, capsys):
    assert main(["train", *TINY, "budget.arrivals=200", "hydra.run.dir=short"]) == 0
    cases = [(words, sentence) for words, sentence in REFUSED]
    for words, sentence in cases:
        capsys.readouterr()
        assert main(["resume", "short", *words]) == 2
        assert capsys.readouterr().err == f"byzsgd: {sentence}\n"
    info = read_info(tmp_path / "short")
    done = json.loads((tmp_path / "short" / "DONE").read_text())
    done = {key: done[key] for key in ("format", "metrics", "parts", "prefix")}
    for status in ("diverged", "stalled"):
        (tmp_path / "short" / "info.json").write_text(json.dumps(info | {"status": status}))
        (tmp_path / "short" / "DONE").write_text(json.dumps(done))  # which vouches for metrics alone
        assert main(["resume", "short", "budget.arrivals=300"]) == 2
        said = capsys.readouterr().err
        assert said == f"byzsgd: short needs a run that could have gone on; got one that {status}\n"
    (tmp_path / "short" / "DONE").unlink()
    assert main(["resume", "short", "budget.arrivals=300"]) == 2
    assert (
        "short needs its DONE, which vouches for what is extended; got one that says stalled" in capsys.readouterr().err
    )
    assert [path.name for path in tmp_path.iterdir()] == ["short"]


def test_the_last_state_is_kept_up_to_a_size(tmp_path, capsys):
    for size, kept in ((64, 1), (0, 0), (0.001, 0)):
        byzsgd.experiment(*TINY, "budget.arrivals=50", f"keep_state={size}").run(tmp_path / str(size))
        assert len(checkpoints(tmp_path / str(size))) == kept
    assert main(["resume", "0", "budget.arrivals=100"]) == 2
    assert "needs its last state (keep_state) to be extended; got none" in capsys.readouterr().err
    assert main(["train", "keep_state=-1"]) == 2


def test_what_is_forced_runs_from_its_start(tmp_path, computed):
    byzsgd.experiment(*TINY, "budget.arrivals=50").run(tmp_path / "short")
    del computed[:]
    byzsgd.experiment(*TINY, "budget.arrivals=80", "force=true").run(tmp_path / "long")
    assert len(computed) == 80


PILOTED = {
    "scheme=d_psgd": ("scheme=d_psgd", "scheme/exchange=moniqua", "num_byzantine=0"),
    "compressor=dynamic": (
        "compressor=dynamic",
        "compressor.schedule=norm",
        "compressor.decay=0.99",
        "compressor.budget=6",
        "compressor.horizon=100",
    ),
}


@pytest.mark.parametrize("part", PILOTED)
def test_a_run_behind_a_pilot_of_its_budget_is_no_beginning(part, tmp_path, computed, capsys):
    words = (*TINY, *PILOTED[part])
    byzsgd.experiment(*words, "budget.arrivals=56").run(tmp_path / "short")
    assert main(["resume", "short", "budget.arrivals=84"]) == 2
    assert f"pilot run does not depend on the budget to be extended; got part={part}" in capsys.readouterr().err
    found = byzsgd.experiment(*words, "budget.arrivals=84").run(tmp_path / "long")
    assert "extends" not in found.info and len(found.arrivals) == 84
