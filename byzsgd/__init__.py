"""byzsgd: what does asynchronous SGD do when some workers lie, and which defence holds?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "experiment", "load"]

if TYPE_CHECKING:
    from byzsgd.config import experiment
    from byzsgd.records import load


def __getattr__(name: str) -> Any:
    # Lazy, so that `byzsgd --help` imports neither torch nor polars.
    if name == "experiment":
        from byzsgd.config import experiment

        return experiment
    if name == "load":
        from byzsgd.records import load

        return load
    raise AttributeError(f"module 'byzsgd' has no attribute {name!r}")
