"""byzsgd: what does asynchronous SGD do when some workers lie, and which defence holds?"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from byzsgd.analysis.frames import frame
    from byzsgd.config import experiment, sweep, trained
    from byzsgd.console.run_screen import Terminal
    from byzsgd.plotting import plot
    from byzsgd.records import load

_HOMES = {
    "Terminal": "console.run_screen",
    "experiment": "config",
    "frame": "analysis.frames",
    "load": "records",
    "plot": "plotting",
    "sweep": "config",
    "trained": "config",
}
__all__ = ["Terminal", "__version__", "experiment", "frame", "load", "plot", "sweep", "trained"]


def __getattr__(name: str) -> object:
    # Lazy, so that `byzsgd --help` imports neither torch nor polars.
    if name not in _HOMES:
        raise AttributeError(f"module 'byzsgd' has no attribute {name!r}")
    return getattr(import_module(f"byzsgd.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
