"""The record of a run: its rows, its folder, its identity, and how a folder is read back.

This package imports no torch, so figures are drawn without it. Checkpoints need torch and stand in
`byzsgd.records.checkpoints`. A name is imported at its first use: every family imports `byzsgd.records.tree`, and none
of them needs the code that reads tables.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .done import is_finished as is_finished
    from .identity import NOT_IDENTITY as NOT_IDENTITY
    from .identity import difference as difference
    from .identity import run_id as run_id
    from .identity import run_name as run_name
    from .identity import same_run as same_run
    from .info import collect_info as collect_info
    from .lock import Busy as Busy
    from .lock import is_locked as is_locked
    from .lock import locked as locked
    from .names import ERROR as ERROR
    from .names import FORMAT as FORMAT
    from .plan import Plan as Plan
    from .plan import write_plan as write_plan
    from .recorder import FolderRecorder as FolderRecorder
    from .recorder import MemoryRecorder as MemoryRecorder
    from .recorder import Offsets as Offsets
    from .recorder import Recorder as Recorder
    from .recorder import start as start
    from .run import Run as Run
    from .run import beside as beside
    from .run import find_runs as find_runs
    from .run import is_run as is_run
    from .run import load as load
    from .run import read_config as read_config
    from .run import read_info as read_info
    from .run import spent_share as spent_share

_NAMES = {
    "done": "is_finished",
    "identity": "NOT_IDENTITY difference run_id run_name same_run",
    "info": "collect_info",
    "lock": "Busy is_locked locked",
    "names": "ERROR FORMAT",
    "plan": "Plan write_plan",
    "recorder": "FolderRecorder MemoryRecorder Offsets Recorder start",
    "run": "Run beside find_runs is_run load read_config read_info spent_share",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    return value
