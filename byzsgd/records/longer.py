"""Extending a run: a longer one begins where a finished shorter one ended. No turn before the end of a run depends on
its budget, so both have the same bits up to there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from byzsgd.checks import spelled

from .checkpoints import checkpoints, read_position
from .done import is_finished, read_done, require_whole
from .files import write_whole, writing
from .identity import prefix_id, run_id, run_name
from .info import versions
from .names import ARRIVALS_FOLDER, CHECKPOINTS, DONE, METRICS_FILE
from .parts import parts, read_part
from .plain import Config
from .plan import PLAN
from .reading import contents
from .recorder import FolderRecorder, check_offsets
from .run import last_row, lost_end, read_config, read_info, spent_share

LIMITS = ("arrivals", "updates", "time")
_OF_THE_END = ("status", "reason", "dissimilarity")


def require_extendable(folder: Path, config: Mapping[str, object]) -> None:
    """ValueError in one line says why the run of `config` cannot begin with the run in this folder."""
    if ended := lost_end(folder):
        raise ValueError(f"{folder} needs its {DONE}, which vouches for what is extended; got one that says {ended}")
    if not is_finished(folder):
        raise ValueError(f"{folder} has not ended: byzsgd resume {folder} without settings ends it first")
    status = read_info(folder).get("status")
    if status != "finished":
        raise ValueError(f"{folder} needs a run that could have gone on; got one that {status}")
    why = _too_short(folder, config)
    if why:
        raise ValueError(why)
    if not checkpoints(folder):
        raise ValueError(f"{folder} needs its last state (keep_state) to be extended; got none")


def find_shorter(target: Path, config: Config) -> Path | None:
    """The longest finished run, of the same versions, with which the run of `config` can begin. It is looked for beside
    `target` (the folder of that run), in the sweep around it, and in the sweeps beside it."""
    prefix, best, farthest = prefix_id(config), None, 0
    for folder in _neighbours(target):
        try:
            if _prefix(folder, (folder / DONE).lstat().st_mtime_ns) != prefix or not (kept := checkpoints(folder)):
                continue
            info = read_info(folder)
            usable = info.get("status") == "finished" and info.get("versions") == versions()
            number = read_position(kept[0])[0]
            if usable and number > farthest and not _too_short(folder, config):
                best, farthest = folder, number
        except (OSError, ValueError):  # removed meanwhile, or damaged: the run starts from its beginning
            continue
    return best


@cache
def _prefix(folder: Path, written: int) -> str | None:
    """The prefix in the DONE of a run. `written`: when that file was written; it is part of the cache's key, since
    every run of a sweep asks all earlier ones."""
    done = read_done(folder)
    return None if done is None else done.prefix


def begin_behind(shorter: Path, target: Path, config: Mapping[str, object], choices: Mapping[str, str]) -> None:
    """Writes into `target` the folder that a run of `config` would have left if it had been cut off where the shorter
    one ended. ValueError names the damaged file of the shorter one; then nothing is written."""
    require_whole(shorter)
    (kept, *_) = checkpoints(shorter)
    number, offsets = read_position(kept)
    check_offsets(shorter, offsets)
    info = {key: value for key, value in read_info(shorter).items() if key not in _OF_THE_END}
    info |= {"started": datetime.now(UTC).isoformat(timespec="seconds"), "extends": [shorter.name, number]}
    scores = info.pop("scores")
    FolderRecorder.start(target, config=config, choices=choices, info=info, scores=scores)
    for part in parts(shorter / ARRIVALS_FOLDER)[: offsets.parts]:
        write_whole(target / ARRIVALS_FOLDER / part.name, read_part(part))
    write_whole(target / METRICS_FILE, contents(shorter, METRICS_FILE)[: offsets.metrics])
    with writing(target):
        (target / CHECKPOINTS).mkdir(exist_ok=True)
    # The checkpoint comes last: without it the run starts from its beginning.
    write_whole(target / CHECKPOINTS / kept.name, contents(shorter, Path(CHECKPOINTS) / kept.name))


def longer_folder(folder: Path, config: Mapping[str, object], settings: Mapping[str, object]) -> Path:
    """The folder of the longer run: beside the shorter one, with the name that the same overrides would give it."""
    words = folder.name.removesuffix(f"__{run_id(read_config(folder))}").split("__")
    overrides = [f"{key}={value}" for key, value in settings.items()]
    replaced = {key.rpartition(".")[2] for key in settings}
    kept = [word for word in words if word != "default" and word.partition("-")[0] not in replaced]
    return folder.with_name(run_name([*kept, *overrides], run_id(config)))


def _too_short(folder: Path, config: Config) -> str:
    """Why the budget of `config` does not reach beyond that of the run in a folder; empty: it does."""
    before, now = read_config(folder)["budget"], config["budget"]
    for name in LIMITS:
        if now.get(name) is not None and (before.get(name) is None or now[name] < before[name]):
            return f"budget.{name} needs at least that of {folder}, {spelled(before.get(name))}; got {now[name]}"
    if spent_share(config, last_row(folder)) < 1.0:
        return ""
    return f"{folder} needs a budget beyond its own, {_limits(before)}, to be extended; got {_limits(now)}"


def _limits(budget: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={budget[name]}" for name in LIMITS if budget.get(name) is not None)


def _neighbours(target: Path) -> Iterator[Path]:
    around = target.parent
    sweeps = [around.parent] if (around / PLAN).exists() else []
    for parent in (around, *sweeps):
        if not parent.is_dir():
            continue
        for folder in sorted(parent.iterdir()):
            if is_finished(folder) and folder != target:
                yield folder
            elif (folder / PLAN).exists() and folder != around:
                yield from (each for each in sorted(folder.iterdir()) if is_finished(each))
