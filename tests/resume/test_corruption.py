"""The corruption table: each file of a run × each damage × each command. Whatever is damaged is named in one line, in
bounded time and memory, and healthy neighbours are shown."""

from __future__ import annotations

import json
import os
import shutil
import signal
import warnings
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest
import yaml

import byzsgd
from byzsgd.cli import _optimum, main
from byzsgd.records.checkpoints import checkpoints
from byzsgd.records.plan import read_plan, typed_words
from byzsgd.records.progress import Sweep
from byzsgd.reporting.notes import notes_beside
from byzsgd.reporting.optuna_study import study_of

pytestmark = pytest.mark.usefixtures("elsewhere")

SMALL = ("aggregator=krum", "attack=lie", "num_workers=15", "batch_size=4", "budget.arrivals=40", "eval_every=20",
         "checkpoint_every=20", "engine=fused")  # fmt: skip
SOON = 20  # seconds of computing after which a command has said what is wrong
WAITING = 300  # seconds after which it waits for something, on a busy machine
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 11))


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def removed(path):
    path.unlink()


def a_folder(path):
    path.unlink()
    path.mkdir()


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def a_device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def a_link_to_a_stranger(path):
    other = Path("elsewhere").absolute()
    shutil.copy(path, other)
    path.unlink()
    path.symlink_to(other)


def of_a_terabyte(path):
    os.truncate(path, 2**40)


def deep(path):
    path.write_bytes(b"a: " + b"[" * 100_000)


def deep_within_indents(path):
    path.write_bytes(b"- " * 100_000)


def an_alias_bomb(path):
    path.write_text(BOMB)


def referring_to_itself(path):
    path.write_text("a: &a [*a]\n")


def a_huge_number(path):
    path.write_bytes(b'{"seed": ' + b"9" * 4000 + b"}")


def without_keys(path):
    path.write_bytes(b"{}")


FILES = ("config.yaml", "info.json", "metrics.jsonl", "arrivals", "DONE", "params.safetensors")
DAMAGES = (flipped, truncated, emptied, removed, a_folder, a_pipe, a_device, a_link_to_a_stranger, of_a_terabyte)
WRITTEN = (deep, deep_within_indents, an_alias_bomb, referring_to_itself, a_huge_number, without_keys)
TABLE = [*product(FILES, DAMAGES), *product(FILES[:3], WRITTEN), *product(("DONE",), WRITTEN)]
SEEN = [row for row in TABLE if row[0] != "params.safetensors"]  # which no look reads
LOOKS = ("status", "compare", "plot", "report", "watch")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A finished run and its neighbour."""
    place = tmp_path_factory.mktemp("kept")
    for name, seed in (("run", 0), ("neighbour", 1)):
        byzsgd.experiment(*SMALL, f"seed={seed}").run(place / name)
    return place


@pytest.fixture
def both(kept, tmp_path):
    return Path(shutil.copytree(kept, tmp_path / "both").name)


@contextmanager
def soon():
    """A command that waits for a pipe, or reads without an end, is ended."""

    def late(*_):
        raise AssertionError(f"no answer within {SOON} s of computing, or {WAITING} s")

    before = {number: signal.signal(number, late) for number in (signal.SIGALRM, signal.SIGPROF)}
    signal.alarm(WAITING)
    signal.setitimer(signal.ITIMER_PROF, SOON)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def damage_one(folder, file, damage):
    path = next((folder / file).iterdir()) if file == "arrivals" else folder / file
    damage(path)


def loaded(folder):
    """What `load` says of a folder."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = byzsgd.load(folder)
            return f"{run.info['status']} {len(run.params)}"
    except ValueError as error:
        return str(error)


def names(said, file):
    """Whether a file is named, or the run that lacks its DONE is called what it is."""
    return file in said or (file == "DONE" and "unfinished" in said)


@pytest.mark.parametrize(("file", "damage"), TABLE, ids=lambda word: getattr(word, "__name__", word))
def test_load_and_status_name_what_is_damaged(file, damage, both):
    damage_one(both / "run", file, damage)
    with soon():
        told = loaded(both / "run")
        sweep = Sweep(both).look()
    assert names(told, file), told
    assert "\n" not in told
    news = {each.folder.name: each for each in sweep.runs}
    assert news["neighbour"].state == "done"
    if file != "params.safetensors":  # which no look reads
        assert news["run"].state in ("failed", "broken")
        assert names(news["run"].news, file)


@pytest.mark.slow
@pytest.mark.parametrize("command", LOOKS)
@pytest.mark.parametrize(("file", "damage"), SEEN,
                         ids=lambda word: getattr(word, "__name__", word))  # fmt: skip
def test_who_looks_names_it_and_shows_its_neighbour(command, file, damage, both, capsys):
    damage_one(both / "run", file, damage)
    options = {"plot": ("--kind", "accuracy", "--format", "svg"), "compare": ("--output", "out")}.get(command, ())
    with soon():
        code = main([command, str(both), *options])
    captured = capsys.readouterr()
    said = captured.out + captured.err
    lost = file == "DONE" and damage is removed
    assert code == (0 if command in ("status", "watch") or lost else 2)
    assert "Traceback" not in said
    if not (lost and command in ("plot", "report")):  # there the figure's caption says it
        assert names(said, file), said
    shown = {"plot": "accuracy", "report": "report.html", "compare": "out/outcomes.csv", "status": "1 of 2 done"}
    assert shown.get(command, "finished") in said


def framed(folder):
    """The runs in the frame of a folder, and the warnings."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        table = byzsgd.frame(folder)
    return {*table["run"]}, [str(each.message) for each in said]


@pytest.mark.parametrize(
    ("file", "damage"),
    [row if row[1] is flipped else pytest.param(*row, marks=pytest.mark.slow) for row in SEEN],
    ids=lambda word: getattr(word, "__name__", word),
)
def test_one_frame_has_the_healthy_runs_and_a_warning_names_the_other(file, damage, both):
    damage_one(both / "run", file, damage)
    with soon():
        runs, said = framed(both)
    if file == "DONE" and damage is removed:  # an unfinished run is none that is damaged
        assert (runs, said) == ({"run", "neighbour"}, [])
        return
    assert runs == {"neighbour"}
    (line,) = said
    assert line.startswith("left out: ") and "\n" not in line and names(line, file)


def test_a_frame_of_nothing_but_damage_is_an_error(both):
    for name in ("run", "neighbour"):
        flipped(both / name / "metrics.jsonl")
    with pytest.raises(ValueError, match=r"both/\w+/metrics.jsonl is damaged"):
        byzsgd.frame(both)
    with pytest.raises(ValueError, match=r"both/\w+/metrics.jsonl is damaged"):
        byzsgd.plot(both)


@pytest.mark.parametrize("value", [2**200, -(2**200), 2**70])
def test_a_number_beyond_all_columns_is_a_text_in_a_frame(value, both):
    """Of a run that has not ended, whose settings nobody vouches for."""
    for name in ("DONE", "params.safetensors"):
        (both / "run" / name).unlink()
    change(both / "run" / "config.yaml", yaml.safe_load, yaml.safe_dump, "budget.updates", value)
    assert framed(both)[0] == {"run", "neighbour"}


@pytest.mark.slow
@pytest.mark.parametrize("again", [("resume", "both/run"), ("train", *SMALL, "hydra.run.dir=both/run")],
                         ids=lambda words: words[0])  # fmt: skip
@pytest.mark.parametrize(("file", "damage"), TABLE, ids=lambda word: getattr(word, "__name__", word))
def test_nothing_is_computed_over_it(again, file, damage, both, capsys):
    damage_one(both / "run", file, damage)
    before = contents(both)
    with soon():
        code = main(list(again))
    captured = capsys.readouterr()
    assert code == 2, captured.out
    assert captured.err.count("\n") == 1, captured.err
    assert file in captured.err
    assert contents(both) == before


def contents(folder):
    """What lies in a folder, byte for byte, but for what a process leaves that looks."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 2**30]
    return {path: path.read_bytes() for path in files if path.name != ".lock" and ".hydra" not in path.parts}


def change(path, read, write, key, value):
    settings = read(path.read_text())
    *above, last = key.split(".")
    node = settings
    for word in above:
        node = node[word]
    node[last] = value
    path.write_text(write(settings))


@pytest.mark.parametrize(
    ("file", "read", "write", "key", "value"),
    [
        ("config.yaml", yaml.safe_load, yaml.safe_dump, "optimizer.lr", 7.0),
        ("info.json", json.loads, json.dumps, "byzantine_ids", [0]),
        ("info.json", json.loads, json.dumps, "choices.aggregator", "mean"),
        ("DONE", json.loads, json.dumps, "prefix", "0123456789"),
        ("DONE", json.loads, json.dumps, "format", 2),
    ],
)
def test_what_was_changed_by_hand_is_not_what_was_run(file, read, write, key, value, both):
    change(both / "run" / file, read, write, key, value)
    assert "checksum" in (said := loaded(both / "run")) or "format 2" in said


@pytest.mark.parametrize("key", ["choices", "scores", "status", "wall_time", "files"])
@pytest.mark.parametrize("value", [3, [[1]], {"a": [1]}])
def test_facts_of_another_type_are_damage_also_of_a_run_without_an_end(key, value, both):
    for name in ("DONE", "params.safetensors"):
        (both / "run" / name).unlink()
    if not (key == "wall_time" and value == 3):
        change(both / "run" / "info.json", json.loads, json.dumps, key, value)
        assert f"info.json is damaged: {key} is" in loaded(both / "run")


def test_of_a_run_of_0_1_it_is_unknown(both, capsys):
    done = json.loads((both / "run" / "DONE").read_text())
    (both / "run" / "DONE").write_text(json.dumps({key: done[key] for key in ("format", "metrics", "parts")}))
    assert byzsgd.load(both / "run").vouched is None
    assert byzsgd.load(both / "neighbour").vouched
    assert main(["compare", str(both)]) == 0
    assert "1 of 2 runs ended before DONE vouched for settings and model" in capsys.readouterr().err


def test_a_damaged_plan_is_said(both, capsys):
    (both / "sweep.json").write_bytes(b"[" * 100_000)
    assert main(["status", str(both)]) == 0
    assert "sweep.json is damaged" in capsys.readouterr().out


def looked_at(folder):
    """What those say of a sweep's folder who read what lies beside its runs; none of it belongs to a run."""
    runs = [byzsgd.load(folder / "run")]
    return notes_beside(runs), typed_words(folder / "run"), study_of(runs), read_plan(folder), _optimum(folder)


@pytest.mark.parametrize("name", ["notes.md", "multirun.yaml", "study.log", "sweep.json", "optimization_results.yaml",
                                  "run/.hydra/overrides.yaml"])  # fmt: skip
@pytest.mark.parametrize("damage", [a_pipe, a_device, a_link_to_a_stranger, of_a_terabyte, deep, an_alias_bomb,
                                    referring_to_itself])  # fmt: skip
def test_what_lies_beside_a_run_is_read_within_bounds_too(damage, name, both):
    before = looked_at(both)
    path = both / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("[PRECIOUS]")
    damage(path)
    with soon():
        seen = looked_at(both)
    assert "PRECIOUS" not in str(seen)
    if name not in ("notes.md", "study.log") or damage in (a_pipe, a_device, a_link_to_a_stranger):
        said = seen[2] or {"figures": []}
        assert (seen[0], seen[1], said["figures"], *seen[3:]) == (*before[:2], [], *before[3:])


def test_a_study_elsewhere_is_opened_with_the_users_word_alone(both, monkeypatch):
    pytest.importorskip("optuna")
    opened = []
    monkeypatch.setattr("optuna.load_study", lambda **asked: opened.append(asked["storage"]))
    runs = [byzsgd.load(both / "run")]
    own = (both / "study.db").absolute()
    own.write_text("")
    for storage in (
        "mysql://a.stranger/db",
        f"sqlite:///{both.absolute().parent}/mine.db",
        "sqlite://",
        f"{both}/../x",
    ):
        sweeper = {"storage": storage, "study_name": "byzsgd"}
        (both / "multirun.yaml").write_text(yaml.safe_dump({"hydra": {"sweeper": sweeper}}))
        assert "is not opened without --trust" in study_of(runs)["said"]
        assert opened == []
    study_of(runs, trust=True)
    assert len(opened) == 1
    (both / "multirun.yaml").write_text(yaml.safe_dump({"hydra": {"sweeper": {"storage": f"sqlite:///{own}"}}}))
    study_of(runs)
    assert opened[1:] == [f"sqlite:///{own}"]


@pytest.mark.parametrize(
    ("command", "place"),
    [
        (("plot", "--kind", "accuracy", "--format", "svg"), "figures/accuracy-arrivals.svg"),
        (("plot", "--kind", "accuracy", "--format", "svg"), "figures"),
        (("report",), "report.html"),
        (("compare", "--format", "csv", "--output", "both"), "outcomes.csv"),
    ],
)
def test_nothing_is_drawn_through_a_link(command, place, both, capsys):
    mine = both.absolute().parent / "mine"
    mine.mkdir() if place == "figures" else mine.write_text("precious")
    (both / place).parent.mkdir(exist_ok=True)
    (both / place).symlink_to(mine)
    code = main([command[0], str(both), *command[1:]])
    assert code == (2 if place == "figures" else 0)
    assert "Traceback" not in capsys.readouterr().err
    assert not [*mine.iterdir()] if place == "figures" else mine.read_text() == "precious"


def test_a_kept_state_that_is_damaged_is_not_gone_on_from(both, capsys):
    (kept,) = checkpoints(both / "run")
    flipped(kept)
    assert main(["resume", str(both / "run"), "budget.arrivals=60"]) == 2
    assert kept.name in capsys.readouterr().err


@pytest.mark.parametrize("name", [".lock", "info.json.tmp"])
def test_nothing_is_written_through_a_link(name, both, capsys):
    """A stranger's folder that would have its user write over a file of his own."""
    mine = both / "mine"
    mine.write_text("precious")
    shutil.rmtree(both / "run" / "checkpoints")
    for each in ("DONE", "params.safetensors"):
        (both / "run" / each).unlink()
    change(both / "run" / "info.json", json.loads, json.dumps, "status", "running")
    (both / "run" / name).unlink(missing_ok=True)
    (both / "run" / name).symlink_to(mine.absolute())
    main(["resume", str(both / "run")])
    assert "Traceback" not in capsys.readouterr().err
    assert mine.read_text() == "precious"


def test_a_kill_before_done_is_made_good_and_said(kept, both, capsys):
    (both / "run" / "DONE").unlink()
    shutil.rmtree(both / "run" / "checkpoints")
    (both / "run" / ".lock").write_text('{"pid": 1, "host": "here", "since": "then"}')  # as kill -9 leaves it
    assert main(["resume", str(both / "run")]) == 0
    assert "was killed before it wrote DONE: its end is computed again" in capsys.readouterr().out
    for name in ("metrics.jsonl", "params.safetensors", "config.yaml"):
        assert (both / "run" / name).read_bytes() == (kept / "run" / name).read_bytes()


def test_force_leaves_a_run_without_its_done_where_it_is(both, capsys):
    (both / "run" / "DONE").unlink()
    before = contents(both)
    assert main(["train", *SMALL, "hydra.run.dir=both/run", "force=true"]) == 0
    assert contents(both).items() >= before.items()
    assert byzsgd.load(both / "run__2").vouched
