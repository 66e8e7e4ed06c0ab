"""A run, read back from its folder or kept in memory."""

from __future__ import annotations

import io
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import yaml

from .files import digest
from .moved import up_to_date
from .rows import ARRIVALS, METRICS, Metric, metrics_frame, metrics_row

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1  # of the record; part of every run's identity
DONE = "DONE"
CONFIG = "config.yaml"
INFO = "info.json"
METRICS_FILE = "metrics.jsonl"
ARRIVALS_FOLDER = "arrivals"
CHECKPOINTS = "checkpoints"
ERROR = "error.txt"
OF_A_RUN = {ARRIVALS_FOLDER, CHECKPOINTS, "tensorboard"}  # folders in a run folder
RUNNING = "running"
UNFINISHED = "unfinished"
ENDED = ("finished", "diverged", "stalled")  # a result, each of them

_PART = re.compile(r"part-(\d{5,})-([0-9a-f]{16})\.parquet")


@dataclass(frozen=True, repr=False)
class Run:
    """What a run left behind."""

    metrics: pl.DataFrame  # one row per evaluation
    arrivals: pl.DataFrame  # one row per delivered message
    config: dict[str, Any]  # resolved
    choices: dict[str, str]  # config group -> member
    info: dict[str, Any]
    folder: Path | None = None

    def __repr__(self) -> str:
        return f"Run({', '.join(f'{name}={value}' for name, value in self._told().items())})"

    def _repr_html_(self) -> str:
        """A small table, for notebooks."""
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in self._told().items()
        )
        return f"<table>{rows}</table>"

    @property
    def params(self) -> Tensor:
        """The (d,) model that the run ended with; ValueError where its folder has none."""
        from .checkpoints import load_params

        if self.folder is None:
            raise ValueError("params needs a run with a folder (experiment.run(folder)); got one in memory")
        return load_params(self.folder)

    def _told(self) -> dict[str, str]:
        last = self.metrics[-1].to_dicts()[0] if len(self.metrics) else {}
        judged = {name: f"{last[name]:.4g}" for name in ("test_accuracy", "train_loss") if last.get(name) is not None}
        named = {name: self.choices[name] for name in ("aggregator", "attack") if name in self.choices}
        place = {} if self.folder is None else {"folder": str(self.folder)}
        facts = {"status": str(self.info.get("status")), "arrivals": str(len(self.arrivals))}
        return named | {"seed": str(self.config.get("seed"))} | facts | judged | place


def load(folder: str | Path) -> Run:
    """Reads a run folder, finished or not, also after a kill; never needs a checkpoint and never runs code.

    ValueError of one line names the file when it is no run folder or something in it is damaged.
    """
    folder = Path(folder)
    if not is_run(folder) and folder.is_dir() and (inside := find_runs(folder)):
        raise ValueError(f"load needs the folder of one run; got {folder} with {len(inside)} runs in it (byzsgd.frame)")
    config = read_config(folder)
    info = read_info(folder)
    choices = info.pop("choices", {})
    done = read_done(folder)
    if info.get("status") == RUNNING:
        info["status"] = UNFINISHED
    return Run(
        metrics=metrics_frame(_metrics(folder / METRICS_FILE, done)),
        arrivals=_arrivals(folder / ARRIVALS_FOLDER, done, tuple(info.get("scores", ()))),
        config=config,
        choices=choices,
        info=info,
        folder=folder,
    )


def is_run(folder: Path) -> bool:
    """Whether a run was started here."""
    return (folder / INFO).is_file() and (folder / CONFIG).is_file()


def is_finished(folder: Path) -> bool:
    """Whether the run in this folder has reached its end."""
    return (folder / DONE).exists()


def beside(folder: Path) -> Iterator[Path]:
    """`folder`, `folder__2`, `folder__3`, …: where to run again, never over what is there."""
    yield folder
    yield from (folder.with_name(f"{folder.name}__{number}") for number in count(2))


def find_runs(folder: str | Path) -> list[Path]:
    """All run folders in (or at) a folder, sorted by path, but those of a sweep in the order in which it was typed."""
    from .plan import PLAN, read_plan  # which needs this module

    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    found: list[Path] = []
    places: dict[Path, int] = {}
    for place, files in folders_below(folder):
        if PLAN in files and (plan := read_plan(place)) is not None:
            places |= {place / name: len(places) + number for number, name in enumerate(plan.jobs.values())}
        if is_run(place):
            found.append(place)
    typed = iter(sorted((run for run in found if run in places), key=places.__getitem__))
    return [next(typed) if run in places else run for run in sorted(found)]


def folders_below(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """A folder and all below it, each with the names of its files: behind links too, none of them twice, and without
    those that hold parts of a run."""
    seen = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(path)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if name not in OF_A_RUN and not name.startswith("."))
        yield Path(path), files


def spent_share(config: Mapping[str, Any], last: Mapping[str, Any]) -> float:
    """How far a run is whose newest row of metrics is `last`: the largest share of its budget that is spent."""
    budget = config.get("budget") or {}
    spent = {"arrivals": last.get("arrivals"), "updates": last.get("step"), "time": last.get("time")}
    shares = [float(value) / budget[name] for name, value in spent.items() if value and budget.get(name)]
    return min(1.0, max(shares, default=0.0))


def read_config(folder: Path) -> dict[str, Any]:
    """The resolved configuration, from plain YAML, with the names that its targets have now."""
    path = folder / CONFIG
    try:
        config = yaml.load(_text(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: not YAML") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path} is damaged: not a mapping")
    return up_to_date(config)


def read_info(folder: Path) -> dict[str, Any]:
    """`info.json` as it is; ValueError where its records are another version's."""
    info = _object(folder / INFO)
    if info.get("format", FORMAT) != FORMAT:
        raise ValueError(f"{folder} has records of format {info['format']}, this version reads format {FORMAT}")
    return info


def read_done(folder: Path) -> dict[str, Any] | None:
    """What the end of the run vouches for; None: it has not ended."""
    return _object(folder / DONE) if (folder / DONE).is_file() else None


def parts(folder: Path) -> list[Path]:
    """The closed parts of `arrivals/`, in order; half-written ones have another ending."""
    found = [path for path in folder.iterdir() if _PART.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=part_number)


def part_number(path: Path) -> int:
    match = _PART.fullmatch(path.name)
    assert match is not None
    return int(match[1])


def read_part(path: Path) -> bytes:
    """The bytes of a part; ValueError when they are not those of its name."""
    content = _bytes(path)
    match = _PART.fullmatch(path.name)
    if match is None or digest(content) != match[2]:
        raise ValueError(f"{path} is damaged: its bytes do not match the checksum in its name")
    return content


def _arrivals(folder: Path, done: Mapping[str, Any] | None, scores: tuple[str, ...]) -> pl.DataFrame:
    paths = parts(folder)
    if done is not None and [path.name for path in paths] != done.get("parts"):
        raise ValueError(f"{folder} is damaged: its parts are not those of the finished run")
    for number, path in enumerate(paths):
        if part_number(path) != number:
            raise ValueError(f"{folder} is damaged: part {number} is missing")
    frames = [pl.DataFrame(schema=ARRIVALS | {name: pl.Float64() for name in scores})]
    for path in paths:
        try:
            frames.append(pl.read_parquet(io.BytesIO(read_part(path))))
        except (ValueError, pl.exceptions.PolarsError) as error:
            # The disk may have lost the end of the last part in a power cut; anything else is damage.
            if done is None and path == paths[-1]:
                warnings.warn(f"{path} is damaged and left out: the run goes on from before it", stacklevel=3)
                break
            raise ValueError(str(error).splitlines()[0]) from error
    try:
        return pl.concat(frames)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{folder} is damaged: its parts differ in their columns") from error


def _metrics(path: Path, done: Mapping[str, Any] | None) -> list[dict[str, Metric]]:
    content = _bytes(path)
    if done is not None and digest(content) != done.get("metrics"):
        raise ValueError(f"{path} is damaged: its bytes do not match the checksum in {DONE}")
    rows = []
    # What follows the last line end is a line that a kill cut short.
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            row = json.loads(line)
            rows.append(metrics_row(row))
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is damaged: line {number} is no row") from error
        if not METRICS.keys() & row.keys():
            raise ValueError(f"{path} is damaged: line {number} is no row")
    return rows


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_text(path))
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError):
            raise ValueError(f"{path} is damaged: not JSON") from error
        raise
    if not isinstance(value, dict):
        raise ValueError(f"{path} is damaged: not a JSON object")
    return value


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is damaged: not UTF-8") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"{path.parent} is no run folder: {path.name} is missing") from error
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from error
