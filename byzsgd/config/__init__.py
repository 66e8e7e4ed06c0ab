"""From overrides to an Experiment: compose, check, build, explain mistakes. Only this package and hydra_plugins/ import
Hydra."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from byzsgd.config.targets import ConfigError as ConfigError
from byzsgd.config.targets import suggestion as suggestion

if TYPE_CHECKING:
    from byzsgd.config.command_line import (
        STOPPED,
        Command,
        Failure,
        answer,
        launch,
        launch_sweep,
        read,
        started_in,
        swept,
    )
    from byzsgd.config.compose import experiment
    from byzsgd.config.files import named_file, named_files, reference_file
    from byzsgd.config.mistakes import EXTRAS, MISTAKES, explain
    from byzsgd.config.objects import build, extended, part, stored, trained
    from byzsgd.config.optimising import require_judge
    from byzsgd.config.permission import Permission, require_resumable
    from byzsgd.config.python_sweep import sweep
    from byzsgd.config.sweeps import JOBS, SWEEP_FOLDER, OneRun, SweepTarget, jobs_of, target_of, words_of

_HOMES = {
    "command_line": "STOPPED Command Failure answer launch launch_sweep read started_in swept",
    "compose": "experiment",
    "files": "named_file named_files reference_file",
    "mistakes": "EXTRAS MISTAKES explain",
    "objects": "build extended part stored trained",
    "optimising": "require_judge",
    "permission": "Permission require_resumable",
    "python_sweep": "sweep",
    "sweeps": "JOBS SWEEP_FOLDER OneRun SweepTarget jobs_of target_of words_of",
}


def __getattr__(name: str) -> object:
    # Imported at first use, so that `byzsgd list` imports no Hydra.
    for home, names in _HOMES.items():
        if name in names.split():
            return getattr(import_module(f"byzsgd.config.{home}"), name)
    raise AttributeError(f"module 'byzsgd.config' has no attribute {name!r}")
