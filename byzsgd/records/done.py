"""DONE, written last: what the end of a run vouches for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .files import digest
from .names import ARRIVALS_FOLDER, CONFIG, DONE, FORMAT, INFO, METRICS_FILE, NODES, PARAMS
from .parts import parts, read_part
from .plain import to_json
from .reading import contents, json_object

FILES = (CONFIG, INFO, PARAMS, NODES)
_OWN = "own"  # the digest of all that DONE says beside it


def done_of(folder: Path, *, metrics: str, prefix: str) -> bytes:
    """What DONE says of the run in a folder with this digest of its metrics."""
    files = {name: digest(contents(folder, name)) for name in FILES if (folder / name).exists()}
    names = [path.name for path in parts(folder / ARRIVALS_FOLDER)]
    said = {"format": FORMAT, "metrics": metrics, "parts": names, "prefix": prefix, "files": files}
    return to_json({**said, _OWN: _digest(said)}, indent=2).encode()


def is_finished(folder: Path) -> bool:
    """Whether the run in this folder has reached its end."""
    return os.path.lexists(folder / DONE)


def read_done(folder: Path) -> dict[str, Any] | None:
    """What the end of the run vouches for; None: it has not ended. ValueError where DONE is damaged."""
    if not is_finished(folder):
        return None
    done, path = json_object(folder, DONE), folder / DONE
    require_format(folder, done)
    if _OWN in done and done[_OWN] != _digest({name: said for name, said in done.items() if name != _OWN}):
        raise ValueError(f"{path} is damaged: it does not match its own checksum")
    if not (isinstance(done.get("metrics"), str) and isinstance(done.get("parts"), list)):
        raise ValueError(f"{path} is damaged: it does not vouch for metrics and parts")
    if not isinstance(done.get("files", {}), dict):
        raise ValueError(f"{path} is damaged: its files are no mapping")
    return done


def vouches_for_all(done: Mapping[str, Any]) -> bool:
    """Whether settings, facts and parameters have checksums too: version 0.1 gave none, so of its runs this is
    unknown."""
    return "files" in done


def require_format(folder: Path, said: Mapping[str, object]) -> None:
    """ValueError for the records of another version."""
    if said.get("format", FORMAT) != FORMAT:
        raise ValueError(f"{folder} has records of format {said['format']}, this version reads format {FORMAT}")


def require_unchanged(folder: Path, name: str, done: Mapping[str, Any] | None, content: bytes | None = None) -> None:
    """ValueError where a file is not the one that DONE vouches for. `content`: what was read of it."""
    if done is None:
        return
    said = done["metrics"] if name == METRICS_FILE else done.get("files", {}).get(name)
    if said is not None and digest(contents(folder, name) if content is None else content) != said:
        raise ValueError(f"{folder / name} is damaged: its bytes do not match the checksum in {DONE}")


def require_parts(arrivals: Path, done: Mapping[str, object] | None) -> None:
    """ValueError where the parts are others than those that DONE names."""
    if done is not None and [path.name for path in parts(arrivals)] != done["parts"]:
        raise ValueError(f"{arrivals} is damaged: its parts are not those of the finished run")


def require_whole(folder: Path, names: Sequence[str] = (METRICS_FILE, *FILES)) -> None:
    """ValueError names the first of these files, or part, of a finished run that is not as its end left it."""
    if (done := read_done(folder)) is None:
        return
    require_parts(folder / ARRIVALS_FOLDER, done)
    for part in parts(folder / ARRIVALS_FOLDER):
        read_part(part)
    for name in names:
        require_unchanged(folder, name, done)


def _digest(said: Mapping[str, object]) -> str:
    return digest(json.dumps(said, sort_keys=True).encode())
