"""The file DONE is written last. It says that the run has ended, and holds the checksums of its other files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .files import digest
from .names import ARRIVALS_FOLDER, CONFIG, DONE, FORMAT, INFO, METRICS_FILE, NODES, PARAMS
from .parts import parts, read_part
from .plain import to_json
from .reading import contents, json_object

FILES = (CONFIG, INFO, PARAMS, NODES)
_OWN = "own"  # the key of DONE's digest of its other entries


@dataclass(frozen=True)
class Done:
    """The entries of DONE."""

    metrics: str  # the digest of the metrics
    parts: list[str]  # the names of the parts of arrivals
    prefix: str | None  # the `prefix_id` of the run
    files: Mapping[str, str] | None  # settings, facts and parameters -> digest; None: of version 0.1, which wrote none


def done_of(folder: Path, *, metrics: str, prefix: str) -> bytes:
    """The content of DONE for the run in a folder. `metrics`: the digest of its metrics; `prefix`: its `prefix_id`."""
    files = {name: digest(contents(folder, name)) for name in FILES if (folder / name).exists()}
    names = [path.name for path in parts(folder / ARRIVALS_FOLDER)]
    entries = {"format": FORMAT, "metrics": metrics, "parts": names, "prefix": prefix, "files": files}
    return to_json({**entries, _OWN: _digest(entries)}, indent=2).encode()


def is_finished(folder: Path) -> bool:
    """Whether the run in this folder has reached its end."""
    return os.path.lexists(folder / DONE)


def read_done(folder: Path) -> Done | None:
    """The entries of DONE; None: the run has not ended. ValueError where DONE is damaged."""
    if not is_finished(folder):
        return None
    done, path = json_object(folder, DONE), folder / DONE
    require_format(folder, done)
    if _OWN in done and done[_OWN] != _digest({name: entry for name, entry in done.items() if name != _OWN}):
        raise ValueError(f"{path} is damaged: it does not match its own checksum")
    if not (isinstance(done.get("metrics"), str) and isinstance(done.get("parts"), list)):
        raise ValueError(f"{path} is damaged: it does not vouch for metrics and parts")
    if not isinstance(done.get("files", {}), dict):
        raise ValueError(f"{path} is damaged: its files are no mapping")
    return Done(done["metrics"], done["parts"], done.get("prefix"), done.get("files"))


def require_format(folder: Path, entries: Mapping[str, object]) -> None:
    """ValueError where `entries`, of DONE or `info.json`, name a format of records that this version does not read."""
    if entries.get("format", FORMAT) != FORMAT:
        raise ValueError(f"{folder} has records of format {entries['format']}, this version reads format {FORMAT}")


def require_unchanged(folder: Path, name: str, done: Done | None, content: bytes | None = None) -> None:
    """ValueError where a file does not match its checksum in DONE. `content`: its bytes, if they were read already."""
    if done is None:
        return
    expected = done.metrics if name == METRICS_FILE else (done.files or {}).get(name)
    if expected is not None and digest(contents(folder, name) if content is None else content) != expected:
        raise ValueError(f"{folder / name} is damaged: its bytes do not match the checksum in {DONE}")


def require_parts(arrivals: Path, done: Done | None) -> None:
    """ValueError where the parts of `arrivals/` are not those that DONE names."""
    if done is not None and [path.name for path in parts(arrivals)] != done.parts:
        raise ValueError(f"{arrivals} is damaged: its parts are not those of the finished run")


def require_whole(folder: Path, names: Sequence[str] = (METRICS_FILE, *FILES)) -> None:
    """For a finished run: ValueError names the first part or file that changed since its end."""
    if (done := read_done(folder)) is None:
        return
    require_parts(folder / ARRIVALS_FOLDER, done)
    for part in parts(folder / ARRIVALS_FOLDER):
        read_part(part)
    for name in names:
        require_unchanged(folder, name, done)


def _digest(entries: Mapping[str, object]) -> str:
    return digest(json.dumps(entries, sort_keys=True).encode())
