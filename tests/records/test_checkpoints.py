"""A checkpoint is there whole or not at all; a damaged one is named, and the one before it is used."""

import math

import pytest
import torch
from conftest import write

from byzsgd.interfaces import Job, ServerContext
from byzsgd.records import FolderRecorder, Offsets, load
from byzsgd.records.checkpoints import (
    checkpoints,
    drop_checkpoints,
    keep_last,
    latest_checkpoint,
    load_params,
    read_checkpoint,
    save_checkpoint,
    save_params,
)


def state(number):
    return {"params": torch.full((4,), number / 3), "pending": {2: Job(2, number, 1, 0.5, math.inf)}, "time": 0.1}


@pytest.fixture
def saved(begin):
    """A run with checkpoints at 4, 8 and 12 arrivals."""
    recorder = begin()
    for first in (0, 4, 8):
        offsets = write(recorder, first, first + 4)
        save_checkpoint(recorder.folder, first + 4, state(first + 4), offsets)
    return recorder.folder


def test_the_newest_two_are_kept(saved):
    assert [path.name[:12] for path in checkpoints(saved)] == ["000000000012", "000000000008"]
    assert not list((saved / "checkpoints").glob("*.tmp"))


def test_who_may_read_the_records_may_read_them(saved):
    modes = {path.stat().st_mode for path in (*checkpoints(saved), saved / "metrics.jsonl")}
    assert len(modes) == 1


@pytest.mark.parametrize(("spare", "kept"), [(1, 1), (0, 1), (-1, 0)])
def test_the_last_state_of_a_run_is_kept_up_to_its_bound(saved, spare, kept):
    offsets = read_checkpoint(checkpoints(saved)[0], {}).offsets
    size = save_checkpoint(saved, 13, state(13), offsets).stat().st_size
    keep_last(saved, 13, state(13), offsets, size + spare)
    assert [path.name[:12] for path in checkpoints(saved)] == ["000000000013"] * kept


def test_who_goes_on_drops_the_rows_beyond(begin):
    recorder = begin()
    offsets = write(recorder, 0, 4)
    write(recorder, 4, 8)
    FolderRecorder.resume(recorder.folder, offsets)
    assert (recorder.folder / "metrics.jsonl").stat().st_size == offsets.metrics
    assert len(load(recorder.folder).arrivals) == 4


def test_it_comes_back(saved):
    checkpoint, skipped = latest_checkpoint(saved, {})
    assert skipped == ()
    assert checkpoint.number == 12
    assert checkpoint.offsets.arrivals == 12
    assert torch.equal(checkpoint.tree["params"], torch.full((4,), 4.0))
    assert checkpoint.tree["pending"] == state(12)["pending"]


def test_the_same_state_gives_the_same_bytes(tmp_path):
    one = save_checkpoint(tmp_path, 1, state(3), Offsets())
    (tmp_path / "b").mkdir()
    two = save_checkpoint(tmp_path / "b", 1, state(3), Offsets())
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()


def test_saving_again_at_the_same_place_keeps_the_one_before(saved):
    offsets = read_checkpoint(checkpoints(saved)[0], {}).offsets
    save_checkpoint(saved, 12, state(12), offsets)
    assert [path.name[:12] for path in checkpoints(saved)] == ["000000000012", "000000000008"]


@pytest.mark.parametrize("position", [0, 9, 200, -5])
def test_a_flipped_byte_is_named_and_the_older_one_used(saved, position):
    path = checkpoints(saved)[0]
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    checkpoint, skipped = latest_checkpoint(saved, {})
    assert checkpoint.number == 8
    assert skipped == (f"{path} is damaged: its bytes do not match the checksum in its name",)


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_a_truncated_one_is_named_and_the_older_one_used(saved, length):
    path = checkpoints(saved)[0]
    path.write_bytes(path.read_bytes()[:length])
    checkpoint, skipped = latest_checkpoint(saved, {})
    assert checkpoint.number == 8
    assert len(skipped) == 1
    assert str(path) in skipped[0]


def test_damaged_records_send_back_to_the_older_one(saved):
    (part,) = (saved / "arrivals").glob("part-00002-*")
    part.write_bytes(part.read_bytes()[:50])
    checkpoint, skipped = latest_checkpoint(saved, {})
    assert checkpoint.number == 8
    assert "part-00002" in skipped[0]


def test_nothing_to_go_on_from(saved):
    for path in checkpoints(saved):
        path.write_bytes(b"")
    checkpoint, skipped = latest_checkpoint(saved, {})
    assert checkpoint is None
    assert len(skipped) == 2
    assert latest_checkpoint(saved / "arrivals", {}) == (None, ())


def test_a_half_written_one_is_not_seen(saved):
    (saved / "checkpoints" / "000000000016-0123456789abcdef.safetensors.tmp").write_bytes(b"{")
    assert latest_checkpoint(saved, {})[0].number == 12


def test_reading_records_needs_no_checkpoint(saved):
    drop_checkpoints(saved)
    assert not checkpoints(saved)
    assert len(load(saved).arrivals) == 12


def test_contexts_are_not_saved(saved):
    context = ServerContext(4, torch.zeros(4), trusted_gradient=lambda params: params)
    path = save_checkpoint(saved, 13, {"context": context}, Offsets())
    assert read_checkpoint(path, {ServerContext: context}).tree["context"] is context


def test_a_forged_one_runs_nothing(saved):
    from safetensors.torch import save

    from byzsgd.records.files import digest

    for metadata in (
        {"byzsgd": '{"format": 2, "number": 1, "offsets": {}, "tree": ["object", "os:system", {"command": "true"}]}'},
        {"byzsgd": "[]"},
        {"byzsgd": "{"},
        {"other": ""},
        None,
    ):
        content = save({"0": torch.zeros(1)}, metadata)
        path = saved / "checkpoints" / f"000000000099-{digest(content)}.safetensors"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"cannot be used: ") as error:
            read_checkpoint(path, {})
        assert "\n" not in str(error.value)
        path.unlink()


def test_a_full_disk_leaves_the_older_ones(saved, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = checkpoints(saved)
    monkeypatch.setattr("byzsgd.records.files.os.fsync", full)
    with pytest.raises(ValueError, match=r"^cannot write .*safetensors: No space left on device$"):
        save_checkpoint(saved, 16, state(16), Offsets())
    assert checkpoints(saved) == before
    assert not list((saved / "checkpoints").glob("*.tmp"))


def test_params(saved):
    params = torch.randn(7, dtype=torch.float64)
    save_params(saved, params)
    assert torch.equal(load_params(saved), params)
    (saved / "params.safetensors").write_bytes(b"x")
    with pytest.raises(ValueError, match="params.safetensors is damaged"):
        load_params(saved)
    with pytest.raises(ValueError, match="cannot read .*params.safetensors"):
        load_params(saved / "arrivals")
