"""The pilot run of a scheme: it measures a number that the scheme cannot know before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.records import read_info
from byzsgd.records.checkpoints import checkpoints
from byzsgd.run.compressor_pilot import lacks_scale
from byzsgd.run.screen import Nobody

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from byzsgd.run.experiment import Experiment

PILOT = "pilot"  # the key in a run's info of the largest value of every score in the pilot


def piloted(
    experiment: Experiment, folder: Path | None, plugins: Sequence[str] | None, stopped: Callable[[], int]
) -> tuple[Experiment, Mapping[str, Mapping[str, float]]]:
    """The experiment with the number that its scheme lacked, and the measurements of the pilot as a fact of the run.

    The pilot is the same experiment, with the same budget and the scheme that `pilot()` names. It leaves no records. If
    the folder has a checkpoint, its info has the measurements already.
    """
    before = experiment.scheme.pilot()
    if before is None:
        return experiment, {}
    measured = None if folder is None or not checkpoints(folder) else read_info(folder).get(PILOT)
    if measured is None:
        # One evaluation, at its end: they change no result.
        trial = replace(experiment, scheme=before, eval_every=experiment.budget.arrivals, tracker=None)
        run = trial.start(None, Nobody(), plugins).complete(stopped)
        largest = {name: run.arrivals[name].max() for name in run.info["scores"]}
        measured = {name: float(value) for name, value in largest.items() if isinstance(value, int | float)}
    return replace(experiment, scheme=experiment.scheme.piloted(measured)), {PILOT: measured}


def pilots(experiment: Experiment) -> str:
    """The part whose numbers come from a pilot run, which depends on the budget; empty: there is none."""
    if experiment.scheme.pilot() is not None:
        return f"scheme={experiment.choices.get('scheme')}"
    return f"compressor={experiment.choices.get('compressor')}" if lacks_scale(experiment.compressor) else ""
