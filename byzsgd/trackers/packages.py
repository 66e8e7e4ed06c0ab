from __future__ import annotations

from importlib.util import find_spec


def require_package(tracker: str) -> None:
    """Before any work: ValueError where the package of a tracker, which has its name, is not installed."""
    found = find_spec(tracker)
    if found is None or found.origin is None:  # ./wandb and ./mlflow may be folders of results
        raise ValueError(f"tracker={tracker} needs the package {tracker} (pip install 'byzsgd[{tracker}]')")
