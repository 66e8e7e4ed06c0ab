"""From overrides to an Experiment: compose, check, build, say what is wrong. With hydra_plugins/ the only importer of
Hydra."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from byzsgd.config.targets import ConfigError as ConfigError
from byzsgd.config.targets import suggestion as suggestion

if TYPE_CHECKING:
    from byzsgd.config.command_line import STOPPED, Command, Failure, answer, launch, read, started_in, swept
    from byzsgd.config.compose import experiment
    from byzsgd.config.files import named_file, named_files, reference_file
    from byzsgd.config.mistakes import EXTRAS, MISTAKES, explain
    from byzsgd.config.objects import build, extended, part, stored, trained
    from byzsgd.config.optimising import require_judge
    from byzsgd.config.python_sweep import sweep
    from byzsgd.config.sweeps import JOBS, SWEEP_FOLDER, OneRun, SweepTarget, intended, jobs_of, words_of
    from byzsgd.config.trust import Word, require_told

_HOMES = {
    "command_line": ("STOPPED", "Command", "Failure", "answer", "launch", "read", "started_in", "swept"),
    "compose": ("experiment",),
    "files": ("named_file", "named_files", "reference_file"),
    "grids": ("sweep",),
    "mistakes": ("EXTRAS", "MISTAKES", "explain"),
    "objects": ("build", "extended", "part", "stored", "trained"),
    "optimising": ("require_judge",),
    "sweeps": ("JOBS", "SWEEP_FOLDER", "OneRun", "SweepTarget", "intended", "jobs_of", "words_of"),
    "trust": ("Word", "require_told"),
}


def __getattr__(name: str) -> Any:
    # Lazy, so that `byzsgd list` imports no Hydra.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"byzsgd.config.{home}"), name)
    raise AttributeError(f"module 'byzsgd.config' has no attribute {name!r}")
