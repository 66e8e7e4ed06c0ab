"""A run as an object, read back from its folder or kept in memory."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

import polars as pl

from .done import Done, is_finished, read_done, require_format, require_parts, require_unchanged
from .judged import judged
from .moved import up_to_date
from .names import ARRIVALS_FOLDER, CONFIG, DONE, INFO, METRICS_FILE, OF_A_RUN, OF_EVERY_RUN
from .parts import part_number, parts, read_part
from .plain import Config, Info
from .reading import contents, json_object, json_value, regular, yaml_mapping
from .rows import ARRIVALS, METRICS, Metric, metrics_frame, metrics_row

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor, nn

TAIL = 65_536  # bytes at the end of the metrics, more than their last line has
RUNNING = "running"
UNFINISHED = "unfinished"
ENDED = ("finished", "diverged", "stalled")  # each of them is a result

# The entries of info.json and their types: those that every run has, and those that some have.
_ALWAYS: dict[str, object] = {"status": str, "scores": list[str], "choices": dict[str, str]}
_SOMETIMES: dict[str, object] = {
    **{"wall_time": (int, float), "started": str, "reason": str, "engine": str, "files": dict[str, str]},
    **{"versions": dict[str, str], "byzantine_ids": list[int], "extends": list, "dissimilarity": dict},
}


@dataclass(frozen=True, repr=False)
class Run:
    """The record of a run."""

    metrics: pl.DataFrame  # one row per evaluation
    arrivals: pl.DataFrame  # one row per delivered message
    config: Config
    choices: dict[str, str]  # config group -> member
    info: Info
    folder: Path | None = None
    vouched: bool | None = True  # DONE matches the folder; None: unknown (version 0.1); False: the run has not ended

    def __repr__(self) -> str:
        return f"Run({', '.join(f'{name}={value}' for name, value in self._summary().items())})"

    def _repr_html_(self) -> str:
        """A small table, for notebooks."""
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in self._summary().items()
        )
        return f"<table>{rows}</table>"

    @property
    def params(self) -> Tensor:
        """The parameters (d,) with which the run ended; ValueError where its folder has none."""
        from .checkpoints import load_params

        if self.folder is None:
            raise ValueError("params needs a run with a folder (experiment.run(folder)); got one in memory")
        return load_params(self.folder)

    # This package imports neither models nor figures, so these two go through the top package.

    def model(self, module: nn.Module | None = None, plugins: Sequence[str] = ()) -> nn.Module:
        """The model with the parameters with which the run ended: see `byzsgd.trained`."""
        import byzsgd

        return byzsgd.trained(self, module, plugins)

    def plot(self, kind: str = "accuracy", **options: Any) -> Figure:
        """One figure of this run: see `byzsgd.plot`."""
        import byzsgd

        return byzsgd.plot(self, kind, **options)

    def _summary(self) -> dict[str, str]:
        last = self.metrics[-1].to_dicts()[0] if len(self.metrics) else {}
        metric = judged(last)
        measured = {} if metric is None else {metric[0]: f"{metric[1]:.4g}"}
        members = {name: self.choices[name] for name in ("aggregator", "attack") if name in self.choices}
        folder = {} if self.folder is None else {"folder": str(self.folder)}
        facts = {"status": str(self.info.get("status")), "arrivals": str(len(self.arrivals))}
        return members | {"seed": str(self.config.get("seed"))} | facts | measured | folder


def load(folder: str | Path) -> Run:
    """Reads the folder of a run: finished, unfinished or killed. It needs no checkpoint and executes no code from it.

    ValueError of one line where it is no run folder, or names the file that is damaged.
    """
    folder = Path(folder)
    if not is_run(folder) and folder.is_dir() and (inside := find_runs(folder)) not in ([], [folder]):
        raise ValueError(f"load needs the folder of one run; got {folder} with {len(inside)} runs in it (byzsgd.frame)")
    config, info, done = read_settings(folder)
    choices = info.pop("choices")
    if done is None and info["status"] in ENDED:
        info["reason"] = f"{info['status']}, but without {DONE}"
    if done is None and info["status"] in (RUNNING, *ENDED):
        info["status"] = UNFINISHED
    return Run(
        metrics=_metrics(folder, done),
        arrivals=_arrivals(folder / ARRIVALS_FOLDER, done, tuple(info["scores"])),
        config=config,
        choices=choices,
        info=info,
        folder=folder,
        vouched=False if done is None else done.files is not None or None,
    )


def read_settings(folder: Path) -> tuple[Config, Info, Done | None]:
    """`config.yaml`, `info.json` and DONE of a run. ValueError where the first two do not match DONE."""
    done = read_done(folder)
    config, info = read_config(folder), read_info(folder)  # before the checksums: another version is named as such
    for name in (CONFIG, INFO):
        require_unchanged(folder, name, done)
    return config, info, done


def is_run(folder: Path) -> bool:
    """Whether a run was started here."""
    return (folder / INFO).is_file() and (folder / CONFIG).is_file()


def lost_end(folder: Path) -> str:
    """The status of a run that has ended but has no DONE; empty: this is no such run."""
    if is_finished(folder) or not is_run(folder):
        return ""
    status = str(read_info(folder)["status"])
    return status if status in ENDED else ""


def beside(folder: Path) -> Iterator[Path]:
    """`folder`, `folder__2`, `folder__3`, …: names for the same run again, so that none is overwritten."""
    yield folder
    yield from (folder.with_name(f"{folder.name}__{number}") for number in count(2))


def find_runs(folder: str | Path) -> list[Path]:
    """All run folders in a folder, or the folder itself, sorted by path. Those of a sweep have the order in which it
    was typed."""
    from .plan import PLAN, read_plan  # which needs this module

    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    runs: list[Path] = []
    order: dict[Path, int] = {}
    for subfolder, names in folders_below(folder):
        if PLAN in names and (plan := read_plan(subfolder)) is not None:
            order |= {subfolder / name: len(order) + number for number, name in enumerate(plan.jobs.values())}
        if was_run(names):
            runs.append(subfolder)
    typed = iter(sorted((each for each in runs if each in order), key=order.__getitem__))
    return [next(typed) if each in order else each for each in sorted(runs)]


def was_run(names: Collection[str]) -> bool:
    """Whether a folder that contains these names holds a run, or the rest of a damaged one."""
    return sum(name in names for name in (*OF_EVERY_RUN, DONE)) >= 2


def folders_below(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """A folder and all folders below it, each with the names that it contains. Links are followed, no folder comes
    twice, and the folders within a run folder are left out."""
    seen = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(path)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        names = [*files, *folders]
        folders[:] = sorted(name for name in folders if name not in OF_A_RUN and not name.startswith("."))
        yield Path(path), names


def spent_share(config: Config, last: Mapping[str, Metric]) -> float:
    """The largest share of its budget that a run has spent. `last`: the newest row of its metrics."""
    budget = config.get("budget") or {}
    spent = {"arrivals": last.get("arrivals"), "updates": last.get("step"), "time": last.get("time")}
    shares = [float(value) / budget[name] for name, value in spent.items() if value and budget.get(name)]
    return min(1.0, max(shares, default=0.0))


def read_config(folder: Path) -> Config:
    """The resolved configuration of a run, in which every target has its present name."""
    return up_to_date(yaml_mapping(folder, CONFIG))


def read_info(folder: Path) -> Info:
    """`info.json`. ValueError where its format is another version's, where an entry of every run is missing, or where
    one has another type."""
    info = json_object(folder, INFO)
    require_format(folder, info)
    if lacking := _ALWAYS.keys() - info.keys():
        raise ValueError(f"{folder / INFO} is damaged: it lacks {min(lacking)}")
    for key, kind in (_ALWAYS | _SOMETIMES).items():
        if info.get(key) is not None and not _is(info[key], kind):
            raise ValueError(f"{folder / INFO} is damaged: {key} is {str(info[key])[:40]}")
    return info


def last_row(folder: Path) -> dict[str, Metric]:
    """The newest complete row of the metrics; empty: there is none."""
    path = folder / METRICS_FILE
    with regular(folder, METRICS_FILE).open("rb") as file:
        file.seek(-min(TAIL, file.seek(0, os.SEEK_END)), os.SEEK_END)
        lines = file.read().split(b"\n")[:-1]
    row = json_value(lines[-1], path) if lines else {}
    if not isinstance(row, dict):
        raise ValueError(f"{path} is damaged: its last line is no row")
    return metrics_row(row)


def _arrivals(folder: Path, done: Done | None, scores: tuple[str, ...]) -> pl.DataFrame:
    if not folder.is_dir():
        raise ValueError(f"{folder.parent} is damaged: {folder.name} is missing")
    require_parts(folder, done)
    paths = parts(folder)
    for number, path in enumerate(paths):
        if part_number(path) != number:
            raise ValueError(f"{folder} is damaged: part {number} is missing")
    frames = [pl.DataFrame(schema=ARRIVALS | {name: pl.Float64() for name in scores})]
    for path in paths:
        try:
            frames.append(pl.read_parquet(io.BytesIO(read_part(path))))
        except (ValueError, pl.exceptions.PolarsError) as error:
            # A power cut may cost the end of the last part. Anything else is damage.
            if done is None and path == paths[-1]:
                warnings.warn(f"{path} is damaged and left out: the run goes on from before it", stacklevel=3)
                break
            raise ValueError(str(error).splitlines()[0]) from error
    try:
        return pl.concat(frames)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{folder} is damaged: its parts differ in their columns") from error


def _metrics(folder: Path, done: Done | None) -> pl.DataFrame:
    path, content = folder / METRICS_FILE, contents(folder, METRICS_FILE)
    require_unchanged(folder, METRICS_FILE, done, content)
    rows = []
    # Bytes after the last line end are a line that a kill cut off.
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            row = json_value(line, path)
            if not (isinstance(row, dict) and METRICS.keys() & row.keys()):
                raise ValueError("it has no column of the metrics")
            rows.append(metrics_row(row))
        except (ValueError, TypeError, ArithmeticError) as error:
            raise ValueError(f"{path} is damaged: line {number} is no row") from error
    try:
        return metrics_frame(rows)
    except (OverflowError, pl.exceptions.PolarsError) as error:
        raise ValueError(f"{path} is damaged: a number in it is too large") from error


def _is(value: object, kind: Any) -> bool:
    """Whether a value has a type, and its items theirs: `list[str]`, `dict[str, str]`."""
    of = get_args(kind)
    if not isinstance(value, get_origin(kind) or kind):
        return False
    return not of or all(isinstance(item, of[-1]) for item in (value.values() if isinstance(value, dict) else value))
