import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from deliveries import CHOICES, CONFIG, INFO, SCORES, block, metrics  # noqa: E402

from byzsgd.records import FolderRecorder, Offsets  # noqa: E402


@pytest.fixture
def begin(tmp_path):
    """Starts a record in `tmp_path/run`."""
    return lambda folder=tmp_path / "run": FolderRecorder.start(
        folder, config=CONFIG, choices=CHOICES, info=INFO, scores=SCORES
    )


@pytest.fixture
def finished(begin):
    """The folder of a finished run of 12 arrivals in 3 parts."""
    recorder = begin()
    write(recorder, 0, 12)
    recorder.close({"status": "finished", "wall_time": 1.5})
    return recorder.folder


@pytest.fixture
def killed(begin):
    """(folder, offsets of the last flush) of a run killed at 10 arrivals; rows 8 and 9 were not yet written."""
    recorder = begin()
    offsets = write(recorder, 0, 8)
    recorder.arrivals(block(8, 10))
    recorder.metrics(metrics(10))
    return recorder.folder, offsets


def write(recorder, first, last) -> Offsets:
    """Rows first … last-1, an evaluation and a flush after every fourth."""
    offsets = Offsets()
    for number in range(first, last):
        recorder.arrivals(block(number, number + 1))
        if number % 4 == 3:
            recorder.metrics(metrics(number + 1))
            offsets = recorder.flush()
    return offsets
