"""Sweeps: where they go, and which jobs they have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from byzsgd.records import run_id, run_name
from byzsgd.records.identity import one_spelling

SWEEP_FOLDER = "hydra.sweep.dir"


def sweep_folder(overrides: Sequence[str]) -> Path:
    """Where a sweep goes: where it is told to, else the same command always to the same place."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    named = [override.value() for override in parsed if override.key_or_group == SWEEP_FOLDER]
    if named:
        return Path(named[-1].text if isinstance(named[-1], QuotedString) else str(named[-1]))
    own = [override for override in overrides if not override.startswith("hydra.")]
    return Path(f"outputs/sweep_{run_name(own, run_id({'overrides': sorted(own)}))}")


def sweep_jobs(folder: Path) -> frozenset[frozenset[str]] | None:
    """The overrides of every job of the sweep that was last started in a folder; None: no sweep, or one whose jobs
    depend on results."""
    try:
        node = OmegaConf.load(folder / "multirun.yaml").hydra
        if not str(node.sweeper._target_).endswith(".BasicSweeper"):
            return None
        told = [f"{key}={value}" for key, value in (node.sweeper.params or {}).items()] + list(node.overrides.task)
        batches = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(told), max_batch_size=None)
    except (OSError, YAMLError, OmegaConfBaseException, HydraException, AttributeError):
        return None
    return frozenset(
        frozenset(one_spelling(word) for word in job if not word.startswith("hydra")) for job in batches[0]
    )
