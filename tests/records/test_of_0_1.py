"""What version 0.1 wrote is known, read and gone on with; `of_0_1/` was written by it and is never written again.

    ids.json         overrides and the id that version 0.1 gave them
    finished/        byzsgd train aggregator=kardam attack=lie model=mlp model.widths=[8] batch_size=8
                         budget.arrivals=40 eval_every=20
    unfinished/      the run of continued.json, stopped after its arrival 20
    continued.json   its overrides, and the hashes of what it leaves when nobody stops it (`recorded_runs.hashes`)

The unfinished run has three parameters and batches of one example in float64: no sum is long enough for the processor
to choose its order. What is left is the fused multiply-add, so that its bits are compared where torch uses AVX2 or
AVX512 (measured: equal for both; other code rounds otherwise).
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch

import byzsgd
from byzsgd.cli import main
from byzsgd.records import run_id

sys.path.insert(0, str(Path(__file__).parents[1] / "kernel"))  # for `recorded_runs`

from recorded_runs import hashes  # noqa: E402

OLD = Path(__file__).with_name("of_0_1")
IDS = json.loads((OLD / "ids.json").read_text(encoding="utf-8"))
CONTINUED = json.loads((OLD / "continued.json").read_text(encoding="utf-8"))
WITHOUT_VALIDATION = "dataset.validation_share=0.0"  # the default of version 0.1
NOT_COMPILED = "engine.compiled=false"  # nothing was
OVERRIDES = {
    "finished": (WITHOUT_VALIDATION, NOT_COMPILED, "aggregator=kardam", "attack=lie", "model=mlp", "model.widths=[8]",
                 "batch_size=8", "budget.arrivals=40", "eval_every=20"),
    "unfinished": tuple(CONTINUED["overrides"]),
}  # fmt: skip
ACCURACIES = [30 / 359, 28 / 359, 33 / 359]  # of 359 test examples
FINISHED = {
    "status": "finished",
    "rows": 40,
    "arrivals": "b2dfed64213a928b34325ea61e492f60",
    "metrics": "143ebd48983be70903eb067a9c63fdb8",
    "params": "9173bfb455221db7ef65ab78d793fbdc",
    "id": "bde20b0d99",
}
GENERATED = ("least_squares", "phase_retrieval", "quadratic", "ridge_logistic")
LEFT = {name: value for name, value in CONTINUED.items() if name != "overrides"}

same_rounding = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"), reason="this processor rounds otherwise"
)


def as_of_0_1(overrides):
    """With the validation share that digits and the tables had then, and the engine."""
    named = any(f"dataset={each}" in overrides for each in GENERATED)
    told = named or any(word.startswith("dataset.validation_share") for word in overrides)
    chosen = any(word.startswith("engine=") for word in overrides)
    return [*([] if told else [WITHOUT_VALIDATION]), *([] if chosen else [NOT_COMPILED]), *overrides]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("finished", "unfinished"):
        shutil.copytree(OLD / name, tmp_path / name)


@pytest.mark.parametrize("told", IDS, ids=lambda told: told["id"])
def test_a_configuration_has_the_id_that_it_had(told):
    assert run_id(byzsgd.experiment(*as_of_0_1(told["overrides"])).config) == told["id"]


def test_the_ids_are_ten_and_different():
    assert len({told["id"] for told in IDS}) == len(IDS) == 10


@pytest.mark.parametrize("name", OVERRIDES)
def test_a_folder_has_the_id_of_its_overrides(name):
    assert run_id(byzsgd.load(name).config) == run_id(byzsgd.experiment(*OVERRIDES[name]).config)


def test_a_finished_run_is_read():
    run = byzsgd.load("finished")
    assert (run.info["status"], run.info["versions"]["byzsgd"]) == ("finished", "0.1.0")
    assert run.arrivals["arrival"].to_list() == list(range(40))
    assert set(run.arrivals["reason"]) == {"accepted", "frequency"}
    assert run.metrics["arrivals"].to_list() == [0, 20, 40]
    assert run.metrics["test_accuracy"].to_list() == pytest.approx(ACCURACIES)
    assert run.choices["aggregator"] == "kardam"
    assert hashes(run, Path("finished")) == FINISHED


def test_the_commands_see_that_it_is_finished(capsys):
    assert main(["status", "finished"]) == 0
    assert "finished" in capsys.readouterr().out
    assert main(["compare", "finished"]) == 0
    assert " 0.092 " in capsys.readouterr().out
    assert main(["resume", "finished"]) == 0
    assert "finished is finished already" in capsys.readouterr().out


def test_training_again_reads_it_back():
    before = {path: path.read_bytes() for path in Path("finished").rglob("*") if path.is_file()}
    run = byzsgd.experiment(*OVERRIDES["finished"]).run("finished")
    assert hashes(run, Path("finished")) == FINISHED
    assert {path: path.read_bytes() for path in before} == before


def test_an_unfinished_run_is_read():
    run = byzsgd.load("unfinished")
    assert run.info["status"] == "interrupted"
    assert len(run.arrivals) == 20


@same_rounding
def test_an_unfinished_run_goes_on_to_the_same_bits_or_is_refused():
    """A checkpoint may be of a form that a later version does not go on from; then its sentence says what to do."""
    experiment = byzsgd.experiment(*OVERRIDES["unfinished"])
    try:
        run = experiment.run("unfinished")
    except ValueError as error:
        assert str(error).count("\n") == 0
        assert "checkpoint" in str(error)
        assert "start" in str(error) or "0.1" in str(error)
        assert len(byzsgd.load("unfinished").arrivals) == 20  # nothing was thrown away
        return
    assert hashes(run, Path("unfinished")) == LEFT


@same_rounding
def test_started_anew_it_leaves_the_same_bits():
    run = byzsgd.experiment(*OVERRIDES["unfinished"]).run("anew")
    assert hashes(run, Path("anew")) == LEFT
