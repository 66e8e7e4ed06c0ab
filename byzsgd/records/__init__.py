"""Rows, writers, run identity, and reading a folder back. Imports no torch: figures are drawn without it.

Checkpoints, which do need torch, are in `byzsgd.records.checkpoints`.
"""

from .identity import NOT_IDENTITY as NOT_IDENTITY
from .identity import difference as difference
from .identity import run_id as run_id
from .identity import run_name as run_name
from .info import collect_info as collect_info
from .lock import Busy as Busy
from .lock import is_locked as is_locked
from .lock import locked as locked
from .recorder import FolderRecorder as FolderRecorder
from .recorder import MemoryRecorder as MemoryRecorder
from .recorder import Offsets as Offsets
from .recorder import Recorder as Recorder
from .recorder import start as start
from .run import ERROR as ERROR
from .run import FORMAT as FORMAT
from .run import Run as Run
from .run import beside as beside
from .run import find_runs as find_runs
from .run import is_finished as is_finished
from .run import is_run as is_run
from .run import load as load
from .run import read_config as read_config
from .run import read_info as read_info
from .run import spent_share as spent_share
