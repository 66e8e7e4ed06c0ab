"""The files that a run reads beside its configuration: their names and the digests of their bytes.

Code that reads a file for a run passes its path through `noted`. `noting` collects the files that are read inside it. A
part that reads its file once and keeps the content has their digests as `sources`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from pathlib import Path

Sources = Mapping[str, str]  # name of a file -> 32 hexadecimal digits of BLAKE2b over its bytes

_NOTES: ContextVar[dict[str, str] | None] = ContextVar("notes", default=None)


def noted(path: Path) -> Path:
    """The same path, whose file is read next; OSError where it cannot be read. The digest is that of the bytes on the
    disk, so it does not depend on seed and machine. The folder does not count."""
    notes = _NOTES.get()
    if notes is not None:
        digest = _digest(path)
        name, number = path.name, 1
        while notes.get(name, digest) != digest:  # another file of the same name
            number += 1
            name = f"{path.name} ({number})"
        notes[name] = digest
    return path


@contextmanager
def noting() -> Iterator[dict[str, str]]:
    """Inside, collects the files that are read. An outer `noting` collects them too."""
    outer, notes = _NOTES.get(), dict[str, str]()
    token = _NOTES.set(notes)
    try:
        yield notes
    finally:
        _NOTES.reset(token)
        if outer is not None:
            outer.update(notes)


def sources_of(part: object, name: str) -> dict[str, str]:
    """The `sources` of a part and of the parts in it, each file as `name/file`."""
    if isinstance(part, functools.partial):
        return sources_of(part.keywords, name)
    if isinstance(part, Mapping):
        parts = {f"{name}.{key}": item for key, item in part.items()}
    elif isinstance(part, list | tuple):
        parts = {f"{name}.{number}": item for number, item in enumerate(part)}
    elif is_dataclass(part) and not isinstance(part, type):
        parts = {f"{name}.{field.name}": getattr(part, field.name) for field in fields(part)}
    else:
        parts = {}
    own = getattr(part, "sources", None)
    digests = {f"{name}/{file}": digest for file, digest in own.items()} if isinstance(own, Mapping) else {}
    for place, item in parts.items():
        digests |= sources_of(item, place)
    return digests


def module_sources(names: tuple[str, ...]) -> dict[str, str]:
    """The files of modules, and all files of packages, as `plugins/file`. A module that does not exist is left out: its
    import reports it."""
    import importlib.util  # noqa: PLC0415 (only plugins need it)

    digests = {}
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        folders = [Path(place) for place in spec.submodule_search_locations or ()]
        for folder in folders:
            for file in sorted(folder.rglob("*.py")):
                digests[f"plugins/{name}/{file.relative_to(folder)}"] = _digest(file)
        if not folders and spec.origin is not None and Path(spec.origin).is_file():
            digests[f"plugins/{Path(spec.origin).name}"] = _digest(Path(spec.origin))
    return digests


def changed(before: Sources, now: Sources) -> str:
    """The first file that has changed, in words; empty: none. Plugins that are not used now do not count."""
    for name in [*now, *before]:
        if name.startswith("plugins/") and name not in now:
            continue
        if now.get(name) != before.get(name):
            return f"digest {now.get(name)} of {name} instead of {before.get(name)}"
    return ""


def digest_of(sources: Sources) -> str:
    """One digest for all files, of eight hexadecimal digits; empty: there are no files."""
    text = "\n".join(f"{name} {digest}" for name, digest in sorted(sources.items()))
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest() if sources else ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
