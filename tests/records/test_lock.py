"""Two writers never share a folder, and a dead one leaves nothing behind."""

import os
import signal
import subprocess
import sys

import pytest

from byzsgd.records import Busy, is_locked, load, locked

HOLD = """
import sys, time
from pathlib import Path
from byzsgd.records import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_who_holds_it(tmp_path):
    folder = tmp_path / "a" / "run"
    assert not is_locked(folder)
    with locked(folder):
        assert is_locked(folder)
        with pytest.raises(Busy, match=rf"run is being written by process {os.getpid()} on .* since "), locked(folder):
            pass
        assert is_locked(folder)
    assert not is_locked(folder)
    with locked(folder):
        pass


def test_a_killed_holder_leaves_no_lock(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout.readline() == "held\n"
            with pytest.raises(Busy, match=f"process {process.pid}"), locked(tmp_path):
                pass
        finally:
            process.send_signal(signal.SIGKILL)
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert is_locked(tmp_path)


def test_an_error_releases_it(tmp_path):
    with pytest.raises(RuntimeError, match="x"), locked(tmp_path):
        raise RuntimeError("x")
    assert not is_locked(tmp_path)


def test_locking_does_not_disturb_reading(finished):
    with locked(finished):
        assert load(finished).info["status"] == "finished"
