"""How files of a run folder are read. They may be damaged, or come from a stranger. So only regular files within the
folder are read, bounded in bytes and in depth, and only plain values are accepted. Anything else is a ValueError of one
line that names the file."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import yaml

from byzsgd import machine

from .names import OF_EVERY_RUN

MOST_TEXT = 64 * 2**20  # bytes of a file of settings or facts
DEEPEST = 64  # levels of mappings and lists
DIGITS = 77  # digits of a whole number: up to 2**256, far beyond any seed, and still finite as a float


def regular(folder: Path, name: str | Path, most: int | None = None) -> Path:
    """The real path of a file within a folder. ValueError where it is missing, no regular file, a link that leads out
    of the folder, or larger than `most` bytes (None: the memory of this machine). No device is opened, no pipe is
    waited for."""
    path = folder / name
    try:
        real = path.resolve(strict=True)
        status = real.lstat()
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links
        if isinstance(error, FileNotFoundError) and name in OF_EVERY_RUN:
            raise ValueError(f"{folder} is no run folder: {name} is missing") from error
        raise ValueError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    require_inside(folder, name)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is damaged: it is no file")
    if status.st_size > (most := machine.memory() if most is None else most):
        raise ValueError(f"{path} is damaged: it has {status.st_size} bytes, more than {most}")
    return real


def require_inside(folder: Path, *names: str | Path) -> None:
    """ValueError for a link that leads out of its folder, whether there is something behind it or not."""
    for name in names:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{folder / name} is damaged: it leads out of its folder")


def contents(folder: Path, name: str | Path, most: int | None = None) -> bytes:
    """The bytes of a file within a folder; ValueError as of `regular`."""
    try:
        return regular(folder, name, most).read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {folder / name}: {error.strerror or error}") from error
    except MemoryError as error:
        raise ValueError(f"cannot read {folder / name}: it has more bytes than there is memory") from error


def json_object(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object from a file."""
    value = json_value(_text(folder, name), folder / name)
    if not isinstance(value, dict):
        raise ValueError(f"{folder / name} is damaged: not a JSON object")
    return value


def json_value(text: str | bytes, path: Path) -> object:
    """The JSON value in a text; ValueError names `path`, its file, where it is none or too deep."""
    try:
        value = json.loads(text, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: not JSON") from error
    _require_plain(value, path)
    return value


def yaml_mapping(folder: Path, name: str) -> dict[str, Any]:
    """A mapping from a YAML file."""
    value = yaml_value(folder, name)
    if not isinstance(value, dict):
        raise ValueError(f"{folder / name} is damaged: not a mapping")
    return value


def yaml_value(folder: Path, name: str) -> object:
    """The value in a YAML file. Aliases are refused: ten lines of them can stand for more than any memory."""
    text, path = _text(folder, name), folder / name
    try:
        _require_shallow(text)
        value = yaml.load(text, Loader=_Loader)
    except _TooMuch as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path} is damaged: not YAML") from error
    _require_plain(value, path)
    return value


def to_yaml(value: object) -> bytes:
    """YAML that `yaml_mapping` reads: without aliases, so a value that occurs twice is written twice."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True).encode()


class _TooMuch(ValueError):
    """YAML that stands for more than its reader can hold."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain values, whole numbers of bounded length."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits")
    return int(text)


def _whole_of_yaml(loader: yaml.constructor.SafeConstructor, node: yaml.ScalarNode) -> int:
    number = loader.construct_yaml_int(node)
    return _whole(str(number))


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_of_yaml)


def _require_shallow(text: str) -> None:
    # The loader is recursive machine code: a text that is too deep for it would end the process.
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _TooMuch(_DEEP)
        if isinstance(event, yaml.AliasEvent):
            raise _TooMuch(f"it has an alias, *{event.anchor}")


_DEEP = f"more than {DEEPEST} mappings and lists within one another"


def _require_plain(value: object, path: Path) -> None:
    """ValueError unless a value consists of mappings, lists, texts, numbers, true, false and null, not too deep."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"{path} is damaged: {_DEEP}")
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += item
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif not (item is None or isinstance(item, str | int | float)):
                raise ValueError(f"{path} is damaged: it holds a {type(item).__name__}")
        level = below


def _text(folder: Path, name: str) -> str:
    try:
        return contents(folder, name, MOST_TEXT).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{folder / name} is damaged: not UTF-8") from error
