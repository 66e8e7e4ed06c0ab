"""What is written is what is read, finished or not."""

import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import polars as pl
import pytest
from conftest import write
from deliveries import CHOICES, CONFIG, INFO, SCORES, block, event, metrics
from polars.testing import assert_frame_equal

from byzsgd.records import FolderRecorder, MemoryRecorder, beside, find_runs, load, start
from byzsgd.records.plan import Plan, read_plan, write_plan
from byzsgd.records.rows import Block

COLUMNS = [
    *("arrival", "time", "worker", "serial", "byzantine", "read_at", "read_at_true", "step", "staleness"),
    *("accepted", "reason", "weight", "norm", "bits", "updated"),
]


def test_arrivals_hold_what_happened(finished):
    frame = load(finished).arrivals
    assert frame.columns == [*COLUMNS, *SCORES]
    assert frame.schema["lipschitz_threshold"] == pl.Float64
    row = frame.row(7, named=True)
    assert row == {
        "arrival": 7, "time": 7 * 0.1, "worker": 3, "serial": 1, "byzantine": False, "read_at": 3, "read_at_true": 3,
        "step": 6, "staleness": 3, "accepted": True, "reason": "accepted", "weight": 0.5,
        "norm": row["norm"], "bits": 96, "updated": True, "lipschitz": 7 / 3, "lipschitz_threshold": math.inf,
    }  # fmt: skip
    assert row["norm"] == pytest.approx(7 * math.sqrt(3))
    assert frame["arrival"].to_list() == list(range(12))
    assert frame["byzantine"].to_list() == [number % 4 == 2 for number in range(12)]
    assert frame["reason"].to_list()[:3] == ["accepted", "accepted", "lipschitz"]


def test_not_judged_is_null_and_not_a_number_is_nan(finished):
    run = load(finished)
    assert run.arrivals["lipschitz_threshold"][4] is None
    assert math.isnan(run.arrivals["lipschitz"][4])
    assert run.metrics["test_accuracy"].to_list() == [None] * 3
    assert math.isnan(run.metrics["test_loss"][2])
    assert run.metrics["suboptimality"][0] == math.inf


def test_metrics_have_the_fixed_columns_first(finished):
    frame = load(finished).metrics
    fixed = ["step", "time", "arrivals", "train_loss", "test_loss", "test_accuracy"]
    assert frame.columns == [*fixed, "suboptimality"]
    assert frame["arrivals"].to_list() == [4, 8, 12]
    assert frame["train_loss"].to_list() == [1 / 5, 1 / 9, 1 / 13]


def test_config_choices_and_info_come_back(finished):
    run = load(str(finished))
    assert run.config == CONFIG
    assert list(run.config["aggregator"]["filters"]) == ["lipschitz", "frequency"]
    assert run.choices == CHOICES
    assert run.info["status"] == "finished"
    assert run.info["byzantine_ids"] == INFO["byzantine_ids"]
    assert run.info["wall_time"] == 1.5
    assert run.folder == finished


def test_memory_and_folder_agree(finished):
    recorder = MemoryRecorder(config=CONFIG, choices=CHOICES, info=INFO, scores=SCORES)
    write(recorder, 0, 12)
    recorder.close({"status": "finished", "wall_time": 1.5})
    kept, written = recorder.run(), load(finished)
    assert_frame_equal(kept.arrivals, written.arrivals)
    assert_frame_equal(kept.metrics, written.metrics)
    assert (kept.config, kept.choices, kept.info) == (written.config, written.choices, written.info)
    assert kept.folder is None


@pytest.mark.parametrize("place", [None, "run"])
def test_a_run_without_rows_has_all_columns(tmp_path, place):
    folder = tmp_path / place if place else None
    recorder = start(folder, config=CONFIG, choices=CHOICES, info=INFO, scores=SCORES)
    recorder.close({"status": "stalled"})
    run = recorder.run()
    assert run.arrivals.columns == [*COLUMNS, *SCORES]
    assert run.metrics.columns[:3] == ["step", "time", "arrivals"]
    assert len(run.arrivals) == len(run.metrics) == 0


def test_a_part_is_closed_when_it_is_full(begin, monkeypatch):
    monkeypatch.setattr("byzsgd.records.recorder.PART_ROWS", 5)
    recorder = begin()
    for first in range(0, 12, 3):
        recorder.arrivals(block(first, first + 3))
    assert len(list((recorder.folder / "arrivals").glob("*.parquet"))) == 2
    assert len(recorder.run().arrivals) == 12
    in_memory = MemoryRecorder(config=CONFIG, choices=CHOICES, info=INFO, scores=SCORES)
    in_memory.arrivals(block(0, 12))
    assert_frame_equal(in_memory.run().arrivals, recorder.run().arrivals)


def test_infinities_come_back(begin):
    recorder = begin()
    recorder.metrics({"step": 0, "time": -math.inf, "arrivals": 0, "train_loss": math.inf})
    recorder.close({"status": "finished"})
    row = recorder.run().metrics.row(0, named=True)
    assert (row["time"], row["train_loss"], row["test_loss"]) == (-math.inf, math.inf, None)


def test_json_is_json(finished):
    def refuse(word):
        raise AssertionError(word)

    for line in (finished / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=refuse)
    json.loads((finished / "info.json").read_text(), parse_constant=refuse)


@pytest.mark.parametrize(("status", "done"), [("finished", True), ("diverged", True), ("stalled", True),
                                              ("failed", False), ("interrupted", False)])  # fmt: skip
def test_only_a_result_is_done(begin, status, done):
    recorder = begin()
    write(recorder, 0, 4)
    recorder.close({"status": status})
    assert (recorder.folder / "DONE").exists() == done
    run = load(recorder.folder)
    assert run.info["status"] == status
    assert len(run.arrivals) == 4


def test_a_finished_run_is_never_written_over(finished, begin):
    before = load(finished)
    with pytest.raises(ValueError, match=r"holds a finished run, which is never written over"):
        begin()
    assert_frame_equal(load(finished).arrivals, before.arrivals)


def test_folders_beside(finished, tmp_path):
    assert list(islice(beside(finished), 3)) == [finished, tmp_path / "run__2", tmp_path / "run__3"]


def test_an_unfinished_run_is_replaced(killed, begin):
    folder, _ = killed
    (folder / "error.txt").write_text("what went wrong")
    (folder / "checkpoints").mkdir()
    recorder = begin()
    assert recorder.folder == folder
    assert sorted(path.name for path in folder.iterdir()) == ["arrivals", "config.yaml", "info.json", "metrics.jsonl"]
    run = load(folder)
    assert len(run.arrivals) == len(run.metrics) == 0


def test_a_start_that_is_cut_short_leaves_no_run(killed, begin, monkeypatch):
    folder, _ = killed

    def cut(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("byzsgd.records.recorder.write_whole", cut)
    with pytest.raises(KeyboardInterrupt):
        begin()
    with pytest.raises(ValueError, match="is no run folder: info.json is missing"):
        load(folder)


def test_a_score_that_nobody_named_is_an_error():
    with pytest.raises(ValueError, match="got lipschitz_threshold"):
        Block(("lipschitz",)).add(event(1))


@pytest.mark.parametrize("wrong", [{"time": (0.5,)}, {"norm": (1.0, 2.0)}, {"speed": (1.0,)}, {"arrival": (0,)}])
def test_a_block_of_other_columns_is_refused(wrong):
    recorder = MemoryRecorder(config=CONFIG, choices=CHOICES, info=INFO, scores=SCORES)
    whole = block(0, 1)
    given = wrong if "time" in wrong else {**whole, **wrong}
    with pytest.raises(ValueError, match=r"^a block needs columns of one length, time, .*; got "):
        recorder.arrivals(given)
    assert len(recorder.run().arrivals) == 0


@pytest.mark.parametrize("cuts", [(12,), (1, 4, 12), (5, 5, 12)])
def test_how_deliveries_come_in_blocks_is_no_part_of_the_record(begin, cuts):
    recorder = begin()
    for first, last in zip((0, *cuts), cuts, strict=False):
        recorder.arrivals(block(first, last))
    recorder.flush()
    written = list((recorder.folder / "arrivals").iterdir())
    other = begin(recorder.folder.with_name("whole"))
    other.arrivals(block(0, 12))
    other.flush()
    assert [path.name for path in written] == [path.name for path in (other.folder / "arrivals").iterdir()]


def test_columns_may_be_arrays():
    columns = block(0, 12)
    arrays = columns | {name: np.array(columns[name]) for name in ("time", "worker", "byzantine")}
    recorders = [MemoryRecorder(config=CONFIG, choices=CHOICES, info=INFO, scores=SCORES) for _ in range(2)]
    recorders[0].arrivals(columns)
    recorders[1].arrivals(arrays)
    assert_frame_equal(recorders[0].run().arrivals, recorders[1].run().arrivals)


def test_find_runs_is_recursive_and_sorted(tmp_path, begin):
    for name in ("sweep/b", "sweep/a", "c"):
        write(begin(tmp_path / name), 0, 4)
    write(begin(tmp_path / "sweep" / "a" / "nested"), 0, 4)
    (tmp_path / "sweep" / ".hydra").mkdir()
    (tmp_path / "sweep" / ".hydra" / "config.yaml").write_text("a: 1\n")
    runs = [tmp_path / "sweep" / name for name in ("a", "a/nested", "b")]
    assert find_runs(tmp_path) == [tmp_path / "c", *runs]
    assert find_runs(tmp_path / "c") == [tmp_path / "c"]
    with pytest.raises(ValueError, match="is no folder"):
        find_runs(tmp_path / "nowhere")


def test_many_write_the_plan_of_one_sweep_at_the_same_time(tmp_path):
    """As two commands on one sweep do."""
    plans = [Plan({f"{number}": "x" * 10_000}) for number in range(4)]

    def again(plan):
        for _ in range(25):
            write_plan(tmp_path, plan)
            assert read_plan(tmp_path) in plans

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(again, plans))
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.json"]


def test_runs_of_a_sweep_come_as_they_were_typed(tmp_path, begin):
    for name in ("sweep/b", "sweep/a", "sweep/deep/c", "sweep/z", "other"):
        write(begin(tmp_path / name), 0, 4)
    write_plan(tmp_path / "sweep", Plan({"1": "z", "2": "deep/c", "3": "a", "4": "gone"}))
    names = [path.relative_to(tmp_path).as_posix() for path in find_runs(tmp_path)]
    assert names == ["other", "sweep/z", "sweep/b", "sweep/deep/c", "sweep/a"]


def test_reading_needs_no_torch(finished):
    code = f"import sys; from byzsgd import load; load({str(finished)!r}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code]).returncode == 0


def test_writing_is_refused_in_one_line(tmp_path, begin):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"^cannot write .*run: Not a directory$"):
        begin(tmp_path / "file" / "run")


def test_a_vanished_folder_is_one_line(begin):
    recorder = begin()
    recorder.arrivals(block(0, 3))
    recorder.folder.rename(recorder.folder.with_name("moved"))
    with pytest.raises(ValueError, match=r"^cannot write .*part-00000.*: No such file or directory$"):
        recorder.flush()
    recorder.folder.with_name("moved").rename(recorder.folder)
    recorder.metrics(metrics(3))
    assert recorder.flush().arrivals == 3  # the rows were kept
    assert isinstance(recorder, FolderRecorder)
    assert len(load(recorder.folder).arrivals) == 3
