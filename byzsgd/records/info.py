"""The facts in `info.json` when a run starts: versions, commit, device, engine and the ids of the liars."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

import byzsgd

PACKAGES = ("torch", "numpy", "polars", "hydra-core", "omegaconf")


def collect_info(
    *, seed: int, device: str, engine: str, num_parameters: int, byzantine_ids: Sequence[int]
) -> dict[str, object]:
    """The facts of a run at its start. They name neither the machine nor its user."""
    return {
        "status": "running",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_time": 0.0,
        "seed": seed,
        "device": device,
        "engine": engine,
        "num_parameters": num_parameters,
        "byzantine_ids": [int(worker) for worker in byzantine_ids],
        "versions": versions(),
        "commit": commit(),
    }


@cache
def versions() -> Mapping[str, str]:
    """The versions of this package, of Python and of the packages that compute the results."""
    numbers = {"byzsgd": byzsgd.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            numbers[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return numbers


def commit() -> str | None:
    """The commit of the checkout that byzsgd runs from, or from which its wheel was built, with `-dirty` when files
    differ from it. None: unknown."""
    package = Path(byzsgd.__file__).resolve().parent
    root, built = package.parent, package / "COMMIT"
    if not (root / ".git").exists():
        return (built.read_text().strip() or None) if built.is_file() else None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
