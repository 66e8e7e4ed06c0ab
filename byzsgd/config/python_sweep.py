"""A sweep from Python, with the launchers and folders of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.config.command_line import Failure, launch_sweep, read
from byzsgd.config.sweeps import SweepTarget, target_of
from byzsgd.config.targets import ConfigError
from byzsgd.config.words import spelled_out, value_of
from byzsgd.records import Run, load
from byzsgd.records.progress import Sweep

if TYPE_CHECKING:
    from byzsgd.run import Experiment


def sweep(grid: Sequence[str] | Mapping[str, object], folder: str | Path | None = None) -> list[Run]:
    """Runs every combination, as `byzsgd train -m` does, and returns the runs in this order.

    `grid`: overrides as on the command line (`["aggregator=asgd,kardam", "seed=range(3)", "hydra/launcher=joblib"]`),
    or a dict whose lists are swept over (`{"aggregator": ["asgd", "kardam"], "seed": [0, 1, 2]}`). A single value that
    is a list is written within another list. Finished runs are not run again. ConfigError or ValueError in one line.
    If a job fails, the other jobs run, and then a RuntimeError names the first failure.
    """
    words = _swept(grid) if isinstance(grid, Mapping) else spelled_out(grid)
    into = [] if folder is None else [f"hydra.sweep.dir={value_of('hydra.sweep.dir', str(folder))}"]
    command = read(["-m", *words, *into])
    target = target_of(command)
    assert isinstance(target, SweepTarget)
    stop = (target.folder / ".stop-python").absolute()
    try:
        launch_sweep(_run, command, target.settings, stop=stop, failed=_failed)
    finally:
        stop.unlink(missing_ok=True)
    progress = Sweep(target.folder).look()
    left = progress.unfinished()
    if left or progress.unseen:
        first = f"; {left[0].folder.name}: {left[0].news or left[0].state}" if left else ""
        raise RuntimeError(f"{len(left) + progress.unseen} jobs of {target.folder} are not done{first}")
    return [load(each.folder) for each in progress.of_plan()]


def _failed(failure: Failure) -> None:
    failure.leave(" ".join(str(failure.error).split()))
    if failure.stop is not None:
        failure.stop.touch()


def _run(experiment: Experiment, folder: Path) -> None:
    experiment.run(folder)


def _swept(grid: Mapping[str, object]) -> list[str]:
    words = []
    for key, value in grid.items():
        values: Iterable[object] = value if isinstance(value, list | tuple | range) else [value]
        texts = [value_of(key, each) for each in values]
        if not texts:
            raise ConfigError(f"{key} needs at least one value; got none")
        words.append(f"{key}={','.join(texts)}" if len(texts) == 1 else f"{key}=choice({','.join(texts)})")
    return words
