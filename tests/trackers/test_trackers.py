"""Trackers get the rows of the records, and can do no harm."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace

import pytest

import byzsgd
from byzsgd import trackers
from byzsgd.cli import main
from byzsgd.config.catalogue import members
from byzsgd.interfaces import Tracked
from byzsgd.records import run_id, run_name
from byzsgd.run.screen import Nobody

pytestmark = pytest.mark.usefixtures("elsewhere")

TINY = (
    "num_workers=7",
    "num_byzantine=1",
    "batch_size=4",
    "budget.arrivals=60",
    "eval_every=20",
    "checkpoint_every=30",
)


class Heard(Nobody):
    """A screen that remembers what was said."""

    def __init__(self):
        self.said = []

    def say(self, line):
        self.said.append(line)


class FakeMlflow:
    """What of MlflowClient is used, in memory: one server for all clients."""

    server = SimpleNamespace()

    def __init__(self, tracking_uri):
        self.tracking_uri = tracking_uri

    def get_experiment_by_name(self, name):
        return SimpleNamespace(experiment_id="7") if name in self.server.experiments else None

    def create_experiment(self, name):
        self.server.experiments.append(name)
        return "7"

    def search_runs(self, experiments, filter_string, max_results):
        found = [number for number, tags in self.server.tags.items()
                 if filter_string == f"tags.`byzsgd.run` = '{tags['byzsgd.run']}'"]  # fmt: skip
        return [SimpleNamespace(info=SimpleNamespace(run_id=number)) for number in found]

    def create_run(self, experiment, run_name, tags):
        number = f"run-{len(self.server.tags)}"
        self.server.tags[number] = dict(tags)
        return SimpleNamespace(info=SimpleNamespace(run_id=number))

    def update_run(self, number, status):
        self.server.status[number] = status

    def log_param(self, number, key, value):
        assert key not in self.server.params[number]
        self.server.params[number][key] = value

    def log_metric(self, number, key, value, timestamp, step):
        self.server.rows[step][key] = value

    def set_tag(self, number, key, value):
        self.server.tags[number][key] = value

    def set_terminated(self, number, status):
        self.server.status[number] = status


class FakeWandb:
    """What of the module wandb is used, in memory."""

    def __init__(self):
        self.rows, self.runs, self.finished, self.summary = defaultdict(dict), [], [], {}

    def init(self, **settings):
        self.runs.append(settings)
        return self

    def log(self, row, step):
        self.rows[step] |= row

    def finish(self, exit_code):
        self.finished.append(exit_code)


class FakeWriter:
    """What of SummaryWriter is used, in memory."""

    def __init__(self):
        self.rows, self.opened, self.texts = defaultdict(dict), [], []

    def __call__(self, **settings):
        self.opened.append(settings)
        return self

    def add_scalar(self, name, value, global_step):
        self.rows[global_step][name] = value

    def add_text(self, name, text):
        self.texts.append((name, text))

    def flush(self):
        pass

    def close(self):
        self.texts.append("closed")


def faked():
    """(tracker, rows by arrivals), for each of the three."""
    FakeMlflow.server = SimpleNamespace(
        experiments=[], tags={}, params=defaultdict(dict), rows=defaultdict(dict), status={}
    )
    wandb, writer = FakeWandb(), FakeWriter()
    return {
        "mlflow": (trackers.mlflow(experiment="e", uri=None, client=FakeMlflow), FakeMlflow.server.rows),
        "wandb": (trackers.wandb(project="p", entity=None, mode="offline", client=wandb), wandb.rows),
        "tensorboard": (trackers.tensorboard(folder=None, client=writer), writer.rows),
    }


def tracked(tracker, *overrides):
    return replace(byzsgd.experiment(*TINY, *overrides), tracker=tracker)


def recorded(run):
    """What the records say, in the form in which the fakes keep it."""
    return {
        row["arrivals"]: {key: value for key, value in row.items() if key != "arrivals" and value is not None}
        for row in run.metrics.to_dicts()
    }


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_every_tracker_gets_the_rows_of_the_records(name, tmp_path):
    tracker, rows = faked()[name]
    run = tracked(tracker).run(tmp_path / "run")
    assert recorded(run) == rows
    assert list(rows) == [0, 20, 40, 60]


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_resumed_run_goes_on_where_it_was_tracked(name, tmp_path, monkeypatch):
    from contextlib import contextmanager

    tracker, rows = faked()[name]
    seen = iter(range(10**6))

    @contextmanager
    def stop_at_45():
        yield lambda: next(seen) == 44

    with monkeypatch.context() as patch:
        patch.setattr("byzsgd.run.experiment.stop_signals", stop_at_45)
        with pytest.raises(KeyboardInterrupt):
            tracked(tracker).run(tmp_path / "run")
    assert list(rows) == [0, 20, 40]
    if name == "mlflow":
        assert FakeMlflow.server.status == {"run-0": "KILLED"}
    run = tracked(tracker).run(tmp_path / "run")
    assert recorded(run) == rows
    if name == "mlflow":
        assert FakeMlflow.server.status == {"run-0": "FINISHED"}
        assert FakeMlflow.server.tags["run-0"]["byzsgd.status"] == "finished"
        assert FakeMlflow.server.params["run-0"]["optimizer.lr"] == "0.1"
    if name == "wandb":
        assert len({each["id"] for each in tracker.client.runs}) == 1
        assert tracker.client.finished == [0, 0]
        assert tracker.client.summary == {"status": "finished"}
    if name == "tensorboard":
        assert [each["purge_step"] for each in tracker.client.opened] == [0, 60]
        assert tracker.client.texts == [("status", "interrupted"), "closed", ("status", "finished"), "closed"]


def test_what_is_run_again_beside_is_a_run_of_its_own(tmp_path):
    tracker, _ = faked()["wandb"]
    tracked(tracker).run(tmp_path / "run")
    tracked(tracker, "force=true").run(tmp_path / "run")
    assert [each["name"] for each in tracker.client.runs] == ["run", "run__2"]
    assert len({each["id"] for each in tracker.client.runs}) == 2


class Failing:
    """A tracker that fails at a moment of its choice."""

    def __init__(self, moment):
        self.moment, self.written = moment, 0

    def _maybe(self, moment):
        if moment == self.moment:
            raise ConnectionError("nobody answers\nsecond line")

    def open(self, run):
        assert isinstance(run, Tracked)
        self._maybe("open")
        return self

    def write(self, row):
        self.written += 1
        self._maybe(f"row {self.written}")

    def close(self, status):
        self._maybe("close")


@pytest.mark.parametrize("moment", ["open", "row 1", "row 3", "close"])
def test_a_tracker_that_fails_costs_one_line(moment, tmp_path):
    heard, alone = Heard(), byzsgd.experiment(*TINY).run(tmp_path / "alone")
    failing = Failing(moment)
    run = tracked(failing).run(tmp_path / "run", heard)
    assert run.info["status"] == "finished"
    assert run.arrivals.equals(alone.arrivals)
    assert run.metrics.equals(alone.metrics)
    assert heard.said == ["tracker Failing failed, the run goes on without it: ConnectionError: nobody answers"]
    assert failing.written == {"open": 0, "row 1": 1, "row 3": 3, "close": 4}[moment]


def test_a_run_that_fails_tells_its_tracker(tmp_path, monkeypatch):
    tracker, _ = faked()["wandb"]
    monkeypatch.setattr("byzsgd.run.running.Running.after", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tracked(tracker).run(tmp_path / "run")
    assert tracker.client.finished == [1]
    assert tracker.client.summary == {"status": "failed"}


def test_a_tracker_is_not_part_of_the_identity():
    config = dict(byzsgd.experiment(*TINY).config)
    assert run_id(config | {"tracker": {"_target_": "byzsgd.trackers.wandb", "project": "p"}}) == run_id(config)
    words = ["seed=1", "tracker=wandb", "tracker.project=p"]
    assert run_name(words, "0123456789") == "seed-1__0123456789"


@pytest.mark.parametrize("name", [member.name for member in members("tracker")])
def test_a_package_that_is_missing_is_one_line(name, monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "byzsgd.trackers.packages.find_spec", lambda package: None if package == name else found(package)
    )
    assert main(["train", f"tracker={name}", *TINY]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"byzsgd: tracker={name} needs the package {name} (pip install 'byzsgd[{name}]')\n"


def test_a_run_in_memory_has_no_folder_for_tensorboard():
    heard = Heard()
    tracked(faked()["tensorboard"][0]).run(screen=heard)
    assert heard.said == [
        "tracker tensorboard failed, the run goes on without it: ValueError: tracker tensorboard needs tracker.folder "
        "where a run has no folder; got folder=null"
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("folder", [None, "boards"])
def test_tensorboard_itself(folder, tmp_path):
    pytest.importorskip("tensorboard", reason="pip install 'byzsgd[tensorboard]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    extra = [f"tracker.folder={folder}"] if folder else []
    assert main(["train", "tracker=tensorboard", *extra, *TINY, "hydra.run.dir=run"]) == 0
    events = EventAccumulator(str(tmp_path / (f"{folder}/run" if folder else "run/tensorboard")))
    events.Reload()
    run = byzsgd.load("run")
    for name in ("test_accuracy", "train_loss", "step", "time"):
        scalars = events.Scalars(name)
        assert [each.step for each in scalars] == run.metrics["arrivals"].to_list()
        assert [each.value for each in scalars] == pytest.approx(run.metrics[name].to_list(), rel=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_mlflow_itself(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="pip install 'byzsgd[mlflow]'")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = f"file://{tmp_path / 'server'}"
    assert main(["train", "tracker=mlflow", f"tracker.uri={uri}", *TINY, "hydra.run.dir=run"]) == 0
    client = mlflow.MlflowClient(uri)
    (found,) = client.search_runs([client.get_experiment_by_name("byzsgd").experiment_id])
    run = byzsgd.load("run")
    history = sorted(client.get_metric_history(found.info.run_id, "test_accuracy"), key=lambda each: each.step)
    assert [each.step for each in history] == run.metrics["arrivals"].to_list()
    assert [each.value for each in history] == pytest.approx(run.metrics["test_accuracy"].to_list())
    assert found.info.status == "FINISHED"
    assert found.data.params["num_workers"] == "7"


@pytest.mark.filterwarnings("ignore")
def test_wandb_itself_offline(tmp_path):
    pytest.importorskip("wandb", reason="pip install 'byzsgd[wandb]'")
    assert main(["train", "tracker=wandb", "tracker.mode=offline", *TINY, "hydra.run.dir=run"]) == 0
    identity = run_id(byzsgd.load("run").config)
    assert list(tmp_path.glob(f"wandb/offline-run-*-{identity}/run-{identity}.wandb"))
