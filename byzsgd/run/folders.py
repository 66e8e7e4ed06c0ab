"""Which folder a run is written to, and whether it may go on there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.checks import require
from byzsgd.records import beside, difference, is_finished, is_run, read_config, read_info, same_run
from byzsgd.records.checkpoints import checkpoints, drop_checkpoints, read_position
from byzsgd.records.done import require_whole
from byzsgd.records.names import DONE, INFO
from byzsgd.records.run import last_row, lost_end
from byzsgd.run.prepared import loaded
from byzsgd.run.stores import OtherFiles, require_same_files

if TYPE_CHECKING:
    from byzsgd.run.experiment import Experiment


def folder_of(experiment: Experiment, folder: Path, plugins: Sequence[str] | None) -> Path:
    """The first of `folder`, `folder__2`, … for this run: one without a run, or one whose run began with the data files
    of now."""
    refusal = None
    for each in beside(folder):
        if experiment.force and (is_finished(each) or lost_end(each)):
            continue
        if not is_kept(each):
            if refusal is not None and not experiment.force:
                raise refusal
            return each
        try:
            require_files(experiment, each, plugins)
        except OtherFiles as error:
            refusal = refusal or error
            continue
        return each
    raise AssertionError("folders beside have no end")


def require_files(experiment: Experiment, folder: Path, plugins: Sequence[str] | None) -> None:
    """ValueError where files of a finished run have changed; OtherFiles where the run began with other data."""
    require_whole(folder)
    before = read_info(folder).get("files") if is_run(folder) else None
    if before and same_run(read_config(folder), experiment.config):  # other settings are refused by `require_own`
        require_same_files(folder, before, loaded(experiment, plugins)[1])


def require_own(experiment: Experiment, folder: Path) -> None:
    """ValueError where a folder holds a run with other settings."""
    stored = read_config(folder)
    if not same_run(stored, experiment.config):
        needs = f"{folder} needs the settings that it was started with"
        raise ValueError(f"{needs}; got {difference(stored, experiment.config)}")


def is_kept(folder: Path) -> bool:
    """Whether a folder holds a result or a checkpoint, from which a run has to go on."""
    return is_finished(folder) or bool(checkpoints(folder))


def require_done(folder: Path, killed: bool, say: Callable[[str], None]) -> None:
    """ValueError where a run has ended but its DONE is missing: its result is not overwritten. `killed`: its process
    was killed, perhaps before it wrote DONE. Then the run goes on, and a line says so."""
    if ended := lost_end(folder):
        needs = f"its {DONE}, for its {INFO} says {ended} (force=true runs it again beside; or remove the folder)"
        require(killed, str(folder), needs, DONE=None)
        say(f"{folder} was killed before it wrote {DONE}: its end is computed again")
        newest = checkpoints(folder)[:1]
        if newest and read_position(newest[0])[0] >= (last_row(folder).get("arrivals") or 0):
            drop_checkpoints(folder)  # of the state at the end: a run that resumes there never reaches that end
