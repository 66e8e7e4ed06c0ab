"""After a kill a folder is read as it is; damage is named in one line."""

import shutil

import pytest
from conftest import write
from deliveries import metrics
from polars.testing import assert_frame_equal

from byzsgd.records import FolderRecorder, Offsets, load


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)


def part(folder, number):
    (path,) = (folder / "arrivals").glob(f"part-{number:05d}-*")
    return path


def files(folder):
    """The records of a folder, byte for byte."""
    paths = [folder / "metrics.jsonl", *(folder / "arrivals").iterdir()]
    return {path.relative_to(folder): path.read_bytes() for path in paths}


def test_killed_is_unfinished(killed):
    folder, offsets = killed
    run = load(folder)
    assert run.info["status"] == "unfinished"
    assert len(run.arrivals) == offsets.arrivals == 8
    assert run.metrics["arrivals"].to_list() == [4, 8, 10]


def test_half_written_pieces_are_left_out(killed):
    folder, _ = killed
    before = load(folder)
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 6, "time": 1.')
    (folder / "arrivals" / "part-00002-0123456789abcdef.parquet.tmp").write_bytes(b"PAR1")
    after = load(folder)
    assert_frame_equal(after.arrivals, before.arrivals)
    assert_frame_equal(after.metrics, before.metrics)


def test_the_last_part_of_an_unfinished_run_may_be_broken(killed):
    folder, _ = killed
    path = part(folder, 1)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.warns(UserWarning, match="part-00001.* is damaged and left out"):
        assert len(load(folder).arrivals) == 4


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("position", [4, 60, -60, -1])
def test_a_flipped_byte_in_a_part_is_named(finished, number, position):
    flip(part(finished, number), position)
    with pytest.raises(ValueError, match=rf"part-0000{number}.*is damaged") as error:
        load(finished)
    assert "\n" not in str(error.value)


def test_a_truncated_part_is_named(killed):
    folder, _ = killed
    path = part(folder, 0)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"part-00000.*is damaged"):
        load(folder)


@pytest.mark.parametrize("number", range(3))
def test_a_missing_part_is_named(finished, number):
    part(finished, number).unlink()
    with pytest.raises(ValueError, match=r"arrivals is damaged"):
        load(finished)


@pytest.mark.parametrize("position", [3, 40, -3])
def test_a_flipped_byte_in_the_metrics_is_named(finished, position):
    flip(finished / "metrics.jsonl", position)
    with pytest.raises(ValueError, match=r"metrics.jsonl is damaged"):
        load(finished)


def test_a_broken_line_inside_the_metrics_is_named(killed):
    folder, _ = killed
    path = folder / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:10] + b"\n" + lines[2])
    with pytest.raises(ValueError, match=r"metrics.jsonl is damaged: line 2 is no row"):
        load(folder)


@pytest.mark.parametrize("name", ["config.yaml", "info.json", "metrics.jsonl"])
def test_a_folder_that_lacks_a_file_is_no_run(finished, name):
    (finished / name).unlink()
    with pytest.raises(ValueError, match=rf"is no run folder: {name} is missing"):
        load(finished)


def test_nothing_is_no_run_folder(tmp_path):
    with pytest.raises(ValueError, match="nowhere is no run folder"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.yaml", b"a: [1"),
        ("config.yaml", b"- 1"),
        ("config.yaml", b"a: !!python/object/apply:os.system ['true']"),
        ("info.json", b"{"),
        ("info.json", b"[]"),
        ("info.json", b"\xff\xfe"),
        ("DONE", b""),
    ],
)
def test_a_damaged_file_is_named(finished, name, content):
    (finished / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is damaged") as error:
        load(finished)
    assert "\n" not in str(error.value)


def test_resumed_records_are_those_of_an_uninterrupted_run(killed, finished_elsewhere):
    folder, offsets = killed
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 6, "ti')
    (folder / "arrivals" / "part-00002-0123456789abcdef.parquet").write_bytes(b"PAR1")
    (folder / "arrivals" / "part-00003-0123456789abcdef.parquet.tmp").write_bytes(b"PAR1")
    recorder = FolderRecorder.resume(folder, offsets)
    assert load(folder).metrics["arrivals"].to_list() == [4, 8]
    write(recorder, 8, 12)
    recorder.close({"status": "finished"})
    assert files(folder) == files(finished_elsewhere)
    assert_frame_equal(load(folder).arrivals, load(finished_elsewhere).arrivals)
    assert (folder / "DONE").read_bytes() == (finished_elsewhere / "DONE").read_bytes()


def test_resume_from_an_older_checkpoint(killed, finished_elsewhere, begin):
    folder, _ = killed
    shutil.rmtree(folder)
    recorder = begin()
    older = write(recorder, 0, 4)
    write(recorder, 4, 8)
    recorder = FolderRecorder.resume(folder, older)
    assert load(folder).info["status"] == "unfinished"
    write(recorder, 4, 12)
    recorder.close({"status": "finished"})
    assert files(folder) == files(finished_elsewhere)


def test_a_failed_run_that_is_resumed_is_no_longer_failed(begin):
    recorder = begin()
    offsets = write(recorder, 0, 8)
    recorder.close({"status": "failed"})
    FolderRecorder.resume(recorder.folder, offsets)
    assert load(recorder.folder).info["status"] == "unfinished"


def test_resume_from_nothing_is_a_start(killed, finished_elsewhere):
    folder, _ = killed
    recorder = FolderRecorder.resume(folder, Offsets())
    write(recorder, 0, 12)
    recorder.close({"status": "finished"})
    assert files(folder) == files(finished_elsewhere)


@pytest.mark.parametrize("name", ["arrivals", "checkpoints"])
@pytest.mark.parametrize("again", ["resume", "start"])
def test_nothing_is_deleted_or_written_behind_a_link(again, name, killed, begin, tmp_path):
    """Nor where the link's own text says that the run has no part yet."""
    folder, _ = killed
    mine = tmp_path / "mine"
    mine.mkdir()
    kept = [mine / "precious.tmp", mine / "part-00000-0123456789abcdef.parquet"]
    for each in kept:
        each.write_text("precious")
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).symlink_to(mine)
    with pytest.raises(ValueError, match=rf"{name} is damaged: it leads out of its folder"):
        FolderRecorder.resume(folder, Offsets()) if again == "resume" else begin(folder)
    assert sorted(mine.iterdir()) == sorted(kept)


@pytest.mark.parametrize("damage", ["part", "missing part", "metrics", "short metrics"])
def test_resume_checks_before_it_changes_anything(killed, damage):
    folder, offsets = killed
    lines = folder / "metrics.jsonl"
    if damage == "part":
        flip(part(folder, 0), 10)
    elif damage == "missing part":
        part(folder, 1).unlink()
    elif damage == "metrics":
        flip(lines, 10)
    else:
        lines.write_bytes(lines.read_bytes()[:30])
    before = files(folder)
    with pytest.raises(ValueError, match=r"(part-00000|arrivals|metrics\.jsonl).* is damaged"):
        FolderRecorder.resume(folder, offsets)
    assert files(folder) == before


@pytest.fixture
def finished_elsewhere(tmp_path, begin):
    recorder = begin(tmp_path / "elsewhere")
    write(recorder, 0, 12)
    recorder.close({"status": "finished"})
    assert recorder.run().metrics["arrivals"].to_list() == [4, 8, metrics(12)["arrivals"]]
    return recorder.folder
