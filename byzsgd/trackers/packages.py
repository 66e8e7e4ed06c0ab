from __future__ import annotations

from importlib.util import find_spec


def require_package(tracker: str) -> None:
    """ValueError where the package of a tracker, which has its name, is not installed."""
    package = find_spec(tracker)
    if package is None or package.origin is None:  # without an origin it is a folder of results, as ./wandb or ./mlflow
        raise ValueError(f"tracker={tracker} needs the package {tracker} (pip install 'byzsgd[{tracker}]')")
