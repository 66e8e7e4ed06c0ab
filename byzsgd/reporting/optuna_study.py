"""The results of an optimising sweep, in the figures of Optuna (Akiba et al., KDD 2019, arXiv 1907.10902)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.analysis.groups import Recorded
from byzsgd.records.reading import regular, yaml_mapping

if TYPE_CHECKING:
    from optuna.storages.journal import JournalStorage
    from plotly.graph_objects import Figure

STUDY = "study.log"  # the default file of the sweeper's study


def study_of(runs: Sequence[Recorded], trust: bool = False) -> dict[str, object] | None:
    """History, importance and slices of the study in the folder of these runs, as plotly figures, and a sentence about
    them. None: the folder has no study, or the runs are in several folders. `trust`: also of a study that is kept
    elsewhere, which may be a database that the folder makes its reader call."""
    folders = {run.folder.parent for run in runs if run.folder is not None}
    if len(folders) != 1:
        return None
    folder = folders.pop()
    storage, name = _storage(folder)
    if storage is None:
        return None
    if not trust and (doubt := _elsewhere(folder, storage)):
        return {"said": f"The study is not opened without --trust: {doubt}.", "figures": []}
    try:
        import optuna
        from optuna.visualization import plot_optimization_history, plot_param_importances, plot_slice
    except ImportError:
        return {"said": "The figures of a study need Optuna: pip install 'byzsgd[optuna]'.", "figures": []}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.load_study(study_name=name, storage=_opened(storage))
        done = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    except Exception as error:  # of any storage: the page must not fail because of it
        return {"said": f"The study in {storage} cannot be read: {str(error).splitlines()[0]}", "figures": []}
    if not done:
        return {"said": f"{len(study.trials)} trials, none of them with a result.", "figures": []}
    best = ", ".join(f"{key} = {value:g}" if isinstance(value, float) else f"{key} = {value}"
                     for key, value in study.best_params.items())  # fmt: skip
    figures: list[tuple[str, Callable[[optuna.Study], Figure]]] = [("History", plot_optimization_history)]
    # Importance and slices need parameters with several values.
    varied = [key for key in study.best_params if len({trial.params.get(key) for trial in done}) > 1]
    if varied:
        figures += [("Importance (fANOVA)", plot_param_importances)] * (len(varied) > 1)  # of a single one it is 1
        figures += [("Slices", plot_slice)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of these functions warn that they are experimental
        drawn = [{"title": title, **_plain(draw(study))} for title, draw in figures]
    summary = f"{len(done)} of {len(study.trials)} trials have a result. Best: {best} ({study.best_value:.3f})."
    return {"said": summary, "figures": drawn}


def _storage(folder: Path) -> tuple[str | None, str]:
    """The storage of a sweep's study, and its name; None: the sweep does not optimise."""
    try:
        sweeper = yaml_mapping(folder, "multirun.yaml")["hydra"]["sweeper"]
        storage, name = sweeper.get("storage"), str(sweeper.get("study_name", "byzsgd"))
    except (ValueError, LookupError, TypeError, AttributeError):
        storage, name = None, "byzsgd"
    if storage is None and (folder / STUDY).exists():
        return str(folder / STUDY), name
    return (None if storage is None else str(storage)), name


def _elsewhere(folder: Path, storage: str) -> str:
    """Why a study is none of the files within its folder; empty: it is one."""
    kind, mark, path = storage.rpartition("://")
    if mark and kind != "sqlite":
        return f"it is kept in {storage}"
    try:
        regular(folder, Path(path.removeprefix("/") if mark else path).absolute())
    except ValueError as error:
        return str(error)
    return ""


def _opened(storage: str) -> str | JournalStorage:
    if "://" in storage:
        return storage
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    return JournalStorage(JournalFileBackend(storage))


def _plain(figure: Figure) -> dict[str, object]:
    """Data and layout of a plotly figure, without its own template and title."""
    made = json.loads(figure.to_json())
    layout = {key: value for key, value in made["layout"].items() if key not in ("template", "title")}
    return {"data": made["data"], "layout": layout}
