"""What goes wrong with a run folder is said in one line by the commands that meet it; what can be used is used."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import kill
import pytest
import yaml
from safetensors import safe_open
from safetensors.torch import load_file, save

import byzsgd
from byzsgd.cli import main
from byzsgd.records.checkpoints import checkpoints
from byzsgd.records.files import digest
from byzsgd.records.moved import WORDS
from byzsgd.run.running import Running

pytestmark = pytest.mark.usefixtures("elsewhere")

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("aggregator=krum", "attack=lie", "num_workers=15", "batch_size=4", "budget.arrivals=200", "eval_every=50",
         "checkpoint_every=40", "engine=fused")  # fmt: skip  # one delivery a turn, to be stopped after so many


@contextmanager
def never():
    yield lambda: False


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run left alone, and one that was cut off after 130 arrivals: with checkpoints at 120 and 130."""
    place = tmp_path_factory.mktemp("kept")
    byzsgd.experiment(*SMALL).run(place / "whole")
    seen = iter(range(10**6))

    @contextmanager
    def stop_at_130():
        yield lambda: next(seen) == 129

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("byzsgd.run.experiment.stop_signals", stop_at_130)
        with pytest.raises(KeyboardInterrupt):
            byzsgd.experiment(*SMALL).run(place / "cut")
    assert [int(path.name[:12]) for path in checkpoints(place / "cut")] == [130, 120]
    return place


@pytest.fixture
def cut(kept, tmp_path):
    return Path(shutil.copytree(kept / "cut", tmp_path / "cut").name)


@pytest.fixture
def whole(kept, tmp_path):
    return Path(shutil.copytree(kept / "whole", tmp_path / "whole").name)


def flip(path, position=-5):
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2])


def refused(capsys, *command):
    """The one line with which a command ends."""
    assert main(list(command)) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1, captured.err
    assert captured.err.startswith("byzsgd: ")
    return captured.err


COMMANDS = [("resume", "cut"), ("train", *SMALL, "hydra.run.dir=cut")]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("damage", [flip, truncate, lambda path: path.write_bytes(b"")],
                         ids=["flipped", "truncated", "emptied"])  # fmt: skip
def test_the_checkpoint_before_a_damaged_one_is_used(command, damage, cut, kept, capsys):
    newest, _ = checkpoints(cut)
    damage(newest)
    assert main(list(command)) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    (line,) = [line for line in captured.out.splitlines() if "damaged" in line]
    assert newest.name in line
    assert "resumed cut after 120 arrivals" in captured.out
    assert kill.left(cut) == kill.left(kept / "whole")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_nothing_is_thrown_away_when_every_checkpoint_is_damaged(command, cut, kept, capsys):
    for path in checkpoints(cut):
        flip(path)
    before = {path: path.read_bytes() for path in cut.rglob("*") if path.is_file() and path.name != ".lock"}
    assert "is damaged: its bytes do not match" in refused(capsys, *command)
    assert {path: path.read_bytes() for path in before} == before
    shutil.rmtree(cut / "checkpoints")
    assert main(list(command)) == 0
    assert kill.left(cut) == kill.left(kept / "whole")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_damaged_records_are_named_when_a_run_goes_on(command, cut, capsys):
    part = min((cut / "arrivals").iterdir())
    flip(part, 20)
    assert part.name in refused(capsys, *command)


def test_the_last_part_may_be_lost_with_its_checkpoint(cut, kept, capsys):
    truncate(max((cut / "arrivals").iterdir()))
    assert main(["resume", "cut"]) == 0
    assert "resumed cut after 120 arrivals" in capsys.readouterr().out
    assert kill.left(cut) == kill.left(kept / "whole")


@pytest.mark.parametrize("name", ["metrics.jsonl", "config.yaml", "info.json"])
@pytest.mark.parametrize("damage", [truncate, flip], ids=["truncated", "flipped"])
def test_other_damaged_files_are_named_when_a_run_goes_on(name, damage, cut, capsys):
    flip(cut / name, 30) if damage is flip else truncate(cut / name)
    if name == "config.yaml":
        (cut / name).write_bytes(b"{" + (cut / name).read_bytes())
    if name == "info.json":
        (cut / name).write_bytes(b"!" + (cut / name).read_bytes())
    assert name in refused(capsys, "resume", "cut")


@pytest.mark.parametrize("name", ["metrics.jsonl", "DONE", "info.json", "part"])
@pytest.mark.parametrize(
    "command",
    [("plot", "whole"), ("compare", "whole"), ("report", "whole"), ("train", *SMALL, "hydra.run.dir=whole")],
    ids=lambda words: words[0],
)
def test_damaged_results_are_named_by_whoever_reads_them(name, command, whole, capsys):
    path = next((whole / "arrivals").iterdir()) if name == "part" else whole / name
    truncate(path)
    line = refused(capsys, *command)
    assert path.name in line
    assert "damaged" in line


def test_records_of_another_format_are_not_guessed_at(whole, cut, capsys):
    for folder in (whole, cut):
        info = json.loads((folder / "info.json").read_text())
        (folder / "info.json").write_text(json.dumps(info | {"format": 99}))
    assert "records of format 99" in refused(capsys, "plot", "whole")
    assert "format 99" in refused(capsys, "resume", "cut")


@pytest.mark.parametrize("folder", ["whole", "cut"])
def test_the_folder_of_another_run_is_refused(folder, whole, cut, capsys):
    line = refused(capsys, "train", *SMALL, "seed=7", f"hydra.run.dir={folder}")
    assert f"{folder} needs the settings that it was started with; got seed=7 instead of 0" in line


def test_a_folder_that_names_what_version_0_1_named_goes_on(cut, kept, capsys):
    stored = cut / "config.yaml"
    text = stored.read_text()
    for target, word in WORDS.items():
        text = text.replace(f"_target_: {target}\n", f"_target_: {word}\n")
    stored.write_text(text)
    assert "byzsgd.runner.Experiment" in text
    assert main(["resume", str(cut)]) == 0
    assert "resumed cut after 130 arrivals" in capsys.readouterr().out
    one, other = kill.left(cut), kill.left(kept / "whole")
    assert {name for name in one if one[name] != other[name]} == {"config"}
    assert main(["train", *SMALL, f"hydra.run.dir={cut}"]) == 0
    assert "is finished already" in capsys.readouterr().out


class Interfering:
    """Does something to the folder of a run at its 70th arrival."""

    def __init__(self, patch, act):
        after = Running.after

        def also(running, event):
            if running.world.arrivals == 70:
                act()
            return after(running, event)

        patch.setattr(Running, "after", also)


def full_disk(patch):
    def fails(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patch.setattr("byzsgd.records.files.os.fsync", fails)


def test_a_full_disk_is_one_line_and_what_was_saved_is_kept(capsys, kept, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        Interfering(patch, lambda: full_disk(patch))
        line = refused(capsys, "train", *SMALL, "hydra.run.dir=run")
    assert line.startswith("byzsgd: cannot write run/")
    assert "No space left on device" in line
    assert byzsgd.load("run").info["status"] == "unfinished"
    assert main(["resume", "run"]) == 0
    assert "after 40 arrivals" in capsys.readouterr().out
    assert kill.left(tmp_path / "run") == kill.left(kept / "whole")


def test_a_file_system_that_takes_no_more_bytes(tmp_path, kept):
    """A real refusal of the kernel: no file may grow beyond 4 kB, as of a moment at which the run has begun."""
    program = (
        "import resource, sys\nfrom byzsgd.run.running import Running\nfrom byzsgd.cli import main\n"
        "after = Running.after\n"
        "def also(running, event):\n"
        "    if running.world.arrivals == 70:\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))\n"
        "    return after(running, event)\n"
        "Running.after = also\n"
        f"sys.exit(main(['train', *{SMALL!r}, 'hydra.run.dir=run']))"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert main(["resume", "run"]) == 0
    assert kill.left(tmp_path / "run") == kill.left(kept / "whole")


def test_a_folder_that_vanishes_is_one_line(capsys):
    with pytest.MonkeyPatch.context() as patch:
        Interfering(patch, lambda: shutil.rmtree("run"))
        line = refused(capsys, "train", *SMALL, "hydra.run.dir=run")
    assert line.startswith("byzsgd: cannot write run")
    assert "No such file or directory" in line


@pytest.mark.parametrize("folder", ["/proc/byzsgd/run", "/sys/byzsgd/run"])
def test_a_place_where_nothing_can_be_written_is_one_line(folder, capsys):
    if not Path(folder).parents[1].is_dir():
        pytest.skip(f"this system has no {Path(folder).parents[1]}")
    assert str(Path(folder).parent) in refused(capsys, "train", *SMALL, f"hydra.run.dir={folder}")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path, cut, capsys):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "ermission denied" in refused(capsys, "train", *SMALL, "hydra.run.dir=locked/run")
    for path in (cut, cut / "arrivals", cut / "checkpoints"):
        path.chmod(0o500)
    assert "ermission denied" in refused(capsys, "resume", "cut")


# A stranger's folder


EVIL = """
import pathlib
pathlib.Path(__file__).with_name("executed").write_text("imported")
def boom(**settings):
    pathlib.Path(__file__).with_name("executed").write_text("called")
"""


def rewrite(folder, **changes):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | changes, sort_keys=False))


@pytest.mark.parametrize(
    "target",
    [
        *("os.system", "subprocess.run", "builtins.eval", "torch.os.system", "torch.load", "torch.hub.load"),
        *("torch.utils.cpp_extension.load", "torch.ops.load_library", "byzsgd.cli.main", "pickle.loads"),
        *("byzsgd.records.checkpoints.drop_checkpoints", "byzsgd.datasets.stored.pickle.loads", "byzsgd.models.nn.x"),
    ],
)
@pytest.mark.parametrize("key", ["aggregator", "model", "delay"])
def test_a_strangers_target_is_refused(target, key, cut, capsys, tmp_path):
    rewrite(cut, **{key: {"_target_": target, "command": f"touch {tmp_path / 'executed'}"}})
    line = refused(capsys, "resume", "cut")
    assert f"{key} needs a _target_" in line
    assert target in line
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("word", ["os.system", "byzsgd.cli.main"])
def test_so_is_one_on_the_command_line(word, capsys):
    assert word in refused(capsys, "train", f"aggregator._target_={word}")


def test_a_folder_cannot_name_its_own_plugins(cut, capsys, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "cut")
    (cut / "evil.py").write_text(EVIL)
    rewrite(cut, plugins=["evil"], delay={"_target_": "evil.boom"})
    assert "delay needs a _target_" in refused(capsys, "resume", "cut")
    for command in (["plot", "cut"], ["compare", "cut"], ["report", "cut"], ["status", "cut"], ["watch", "cut"]):
        main(command)
    assert not (cut / "executed").exists()
    assert "--plugin: expected one argument" in refused(capsys, "resume", "cut", "--plugin")
    main(["resume", "cut", "--plugin", "evil"])  # the user's own word
    assert (cut / "executed").exists()


def forged(path, change):
    """The checkpoint with its structure changed, under a name that vouches for it."""
    with safe_open(path, framework="pt") as file:
        document = file.metadata()["byzsgd"]
    content = save(load_file(path), metadata={"byzsgd": change(document)})
    path.unlink()
    path.with_name(f"{path.name[:12]}-{digest(content)}.safetensors").write_bytes(content)


@pytest.mark.parametrize("name", ["subprocess:Popen", "builtins:object", "evil:Boom", "torch:Tensor"])
def test_a_checkpoint_with_foreign_types_is_refused(name, cut, capsys):
    state = "byzsgd.kernel.world:World"
    for path in checkpoints(cut):
        forged(path, lambda document: document.replace(f'"{state}"', f'"{name}"'))
    line = refused(capsys, "resume", "cut")
    assert "cannot be used: a checkpoint needs types of byzsgd" in line
    assert name in line


def test_a_checkpoint_of_another_format_is_refused(cut, capsys):
    for path in checkpoints(cut):
        forged(path, lambda document: document.replace('"format":2', '"format":99'))
    assert "it has format 99" in refused(capsys, "resume", "cut")


def test_a_checkpoint_with_nonsense_is_refused(cut, capsys):
    for path in checkpoints(cut):
        forged(path, lambda document: document.replace('"tree":', '"wood":'))
    assert "does not hold what a checkpoint holds" in refused(capsys, "resume", "cut")


def test_resuming_many_goes_on_after_one_that_cannot(kept, tmp_path, capsys):
    for name in ("a", "b"):
        shutil.copytree(kept / "cut", tmp_path / "many" / name)
    shutil.copytree(kept / "whole", tmp_path / "many" / "c")
    for path in checkpoints(tmp_path / "many" / "a"):
        flip(path)
    assert main(["resume", "many"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("byzsgd: many/a: ")
    assert captured.err.count("\n") == 1
    assert "resumed many/b after 130 arrivals" in captured.out
    assert "many/c" not in captured.out
    assert kill.left(tmp_path / "many" / "b") == kill.left(kept / "whole")
    shutil.rmtree(tmp_path / "many" / "a")
    assert main(["resume", "many"]) == 0
    assert capsys.readouterr().out == "nothing to go on with: 2 runs, all of them finished\n"
