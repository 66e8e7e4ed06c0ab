"""Runs that advance together are the runs that they are alone."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from byzsgd import experiment, load
from byzsgd.cli import main
from byzsgd.kernel.engine.backward import Backward
from byzsgd.kernel.engine.batched import Batched
from byzsgd.lanes import Lane, abreast, alone
from byzsgd.records.checkpoints import load_params

SMALL = ("num_workers=8", "num_byzantine=1", "f=1", "batch_size=8", "budget.arrivals=250", "dtype=float64")
DISCRETE = ["worker", "serial", "time", "read_at", "step", "accepted", "reason", "updated"]
MIXED = [
    ("seed=0", "attack=lie"),
    ("seed=1", "attack=lie"),
    ("seed=1", "aggregator=asgd", "attack=label_flip", "partition=dirichlet"),
    ("aggregator=trimmed_mean", "delay=constant"),
    ("delay=d1", "aggregator=dynsgd"),
    ("worker=local_steps", "aggregator=asgd"),
    ("engine=loop",),
    ("engine=vmap", "aggregator=asgd"),
    ("model=logistic_regression",),
    ("dataset=quadratic", "aggregator=asgd", "optimizer.lr=.01"),
]


def lane_of(built, folder=None):
    return Lane(lambda stopped: built.turns(stopped, folder), built.threads)


def assert_same_records(one, other):
    for column in DISCRETE:
        assert one.arrivals[column].equals(other.arrivals[column]), column
    for name in one.metrics.columns:
        mine, theirs = one.metrics[name], other.metrics[name]
        assert mine.is_null().equals(theirs.is_null()), name
        assert mine.drop_nulls().to_list() == pytest.approx(theirs.drop_nulls().to_list(), rel=1e-6, abs=1e-9), name
    assert one.info["status"] == other.info["status"]


def test_every_lane_is_the_run_that_it_is_alone(tmp_path):
    built = [experiment(*SMALL, *overrides) for overrides in MIXED]
    together = abreast([lane_of(each, tmp_path / str(number)) for number, each in enumerate(built)])
    for number, (each, run) in enumerate(zip(built, together, strict=True)):
        assert_same_records(run, each.run())
        assert_same_records(load(tmp_path / str(number)), run)


SERVERS = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "aggregator").glob("*.yaml"))
OTHERS = [
    ("dataset=digits", "model=logistic_regression"),
    ("dataset=breast_cancer", "model=logistic_regression"),
    ("dataset=least_squares",),
    ("model=mlp", "model.widths=[16,8]", "model.activation=tanh"),
    ("model=mlp", "model.widths=[200]"),
]


def served(server):
    return (f"aggregator={server}", "attack=lie", "num_workers=12")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param([served(server) for server in SERVERS], marks=pytest.mark.slow),
        [served(server) for server in ("kardam", "kardam_author", "throttle", "mifa", "krum", "quorum")],
        [("aggregator=asgd", "optimizer.lr=.01", f"seed={seed}") for seed in range(4)],
        [("aggregator=asgd", "optimizer.lr=.01", *other, f"seed={seed}") for other in OTHERS for seed in range(2)],
    ],
    ids=["every server", "servers", "seeds", "problems"],
)
def test_lanes_agree_with_the_loop(settings, tmp_path):
    """Decision by decision, and to 1e-9 in the parameters after 200 deliveries."""
    fixed = (*SMALL, "budget.arrivals=200", "eval_every=100")
    lanes = [experiment(*fixed, *overrides, "engine=fused") for overrides in settings]
    together = abreast([lane_of(each, tmp_path / f"lane-{number}") for number, each in enumerate(lanes)])
    for number, (overrides, run) in enumerate(zip(settings, together, strict=True)):
        alone_in_loop = experiment(*fixed, *overrides, "engine=loop").run(tmp_path / f"loop-{number}")
        for column in DISCRETE:
            assert run.arrivals[column].equals(alone_in_loop.arrivals[column]), (overrides, column)
        ours, theirs = (load_params(tmp_path / f"{way}-{number}") for way in ("lane", "loop"))
        assert float((ours - theirs).abs().max()) < 1e-9 * (1.0 + float(theirs.abs().max())), overrides


@pytest.fixture
def calls(monkeypatch):
    """Sizes of the calls that all fused engines make."""
    sizes = []
    bare = Backward.__call__

    def counted(self, models, batch):
        sizes.append(len(batch.inputs))
        return bare(self, models, batch)

    monkeypatch.setattr(Backward, "__call__", counted)
    return sizes


def test_lanes_share_their_calls(calls):
    built = [experiment(*SMALL, f"seed={seed}", "engine=fused") for seed in range(6)]
    for each in built:
        each.run()
    apart = len(calls)
    calls.clear()
    abreast([lane_of(each) for each in built])
    assert len(calls) < apart / 3
    assert max(calls) <= 32


class Explodes(Batched):
    """An engine that fails after a while."""

    def batch(self, keys):
        if keys[0][1].serial >= 9:
            raise RuntimeError("out of order")
        return super().batch(keys)


def test_a_failing_lane_fails_alone():
    def breaking(lane):
        def begin(stopped):
            steps = lane.begin(stopped)
            engine, tasks = next(steps)
            worse = Explodes(**{name: getattr(engine, name) for name in engine.__dataclass_fields__})
            while True:
                results = yield worse, tasks
                _, tasks = steps.send(results)

        def noted(stopped):
            try:
                return (yield from begin(stopped))
            except RuntimeError as error:
                return str(error)

        return Lane(noted, lane.threads)

    built = [experiment(*SMALL, f"seed={seed}", "engine=fused") for seed in range(3)]
    lanes = [lane_of(each) for each in built]
    together = abreast([lanes[0], breaking(lanes[1]), lanes[2]])
    assert together[1] == "out of order"
    for place in (0, 2):
        assert_same_records(together[place], built[place].run())


def test_lanes_that_need_other_numbers_of_threads_come_later():
    built = [experiment(*SMALL, "budget.arrivals=30", f"threads={count}") for count in (2, 1)]
    assert [len(run.arrivals) for run in abreast([lane_of(each) for each in built])] == [30, 30]


def test_an_interruption_saves_every_lane(tmp_path):
    built = [experiment(*SMALL, f"seed={seed}") for seed in range(3)]
    asked = []

    def halfway(lane):
        def begin(stopped):
            steps = lane.begin(lambda: len(asked) > 40)
            request = next(steps)
            while True:
                asked.append(1)
                request = steps.send((yield request))

        def whole(stopped):
            with contextlib.suppress(RuntimeError):
                return (yield from begin(stopped))

        return Lane(whole, lane.threads)

    with pytest.raises(KeyboardInterrupt):
        abreast([halfway(lane_of(each, tmp_path / str(number))) for number, each in enumerate(built)])
    for number, each in enumerate(built):
        cut = load(tmp_path / str(number))
        assert cut.info["status"] == "interrupted"
        assert 0 < len(cut.arrivals) < 250
        assert_same_records(each.run(tmp_path / str(number)), each.run())


def test_alone_returns_what_the_run_returns():
    def steps():
        return 7
        yield

    assert alone(steps(), 1) == 7


def test_the_launcher_runs_a_sweep(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sweep = ("train", "-m", "seed=range(2)", "aggregator=asgd,krum", "num_workers=6,8", "num_byzantine=1",
             "budget.arrivals=60")  # fmt: skip
    code = main([*sweep, "hydra/launcher=lanes", "hydra.sweep.dir=lanes"])
    main([*sweep, "hydra.sweep.dir=basic"])
    names = sorted(path.name for path in (tmp_path / "basic").iterdir() if path.is_dir())
    assert len(names) == 8
    assert code == 0
    for name in names:
        folders = [tmp_path / sweep / name for sweep in ("lanes", "basic")]
        assert [(folder / "DONE").exists() for folder in folders] == [True, True]
        assert_same_records(*map(load, folders))
    assert capsys.readouterr().out.count("finished") >= 16


def test_a_job_that_cannot_be_built_leaves_its_error_and_stops_no_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = main(["train", "-m", "num_workers=2,8", "num_byzantine=1", "budget.arrivals=40", "hydra/launcher=lanes",
                 "hydra.sweep.dir=out"])  # fmt: skip
    assert code == 1
    assert len(list(tmp_path.glob("out/*/DONE"))) == 1
    assert len(list(tmp_path.glob("out/*/error.txt"))) == 1
    assert "num_workers > 3f" in capsys.readouterr().err
