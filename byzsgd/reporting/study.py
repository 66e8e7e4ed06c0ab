"""What a sweep that optimises has found, in the figures of Optuna (Akiba et al., KDD 2019, arXiv 1907.10902)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from byzsgd.analysis.groups import Recorded
from byzsgd.records.reading import regular, yaml_mapping

STUDY = "study.log"  # where the sweeper keeps its study unless it was told otherwise


def study_of(runs: Sequence[Recorded], trust: bool = False) -> dict[str, Any] | None:
    """History, importance and slices of the study in the folder of these runs, as figures of plotly, and what is to be
    said of them; None: their folder has no study, or they lie in several. `trust`: also of one that is kept elsewhere,
    which may be a database that the folder would have its reader call."""
    folders = {run.folder.parent for run in runs if run.folder is not None}
    if len(folders) != 1:
        return None
    folder = folders.pop()
    storage, name = _place(folder)
    if storage is None:
        return None
    if not trust and (doubt := _elsewhere(folder, storage)):
        said = f"The study is not opened without --trust: {doubt}."
        return {"said": said, "figures": []}
    try:
        import optuna
        from optuna.visualization import plot_optimization_history, plot_param_importances, plot_slice
    except ImportError:
        return {"said": "The figures of a study need Optuna: pip install 'byzsgd[optuna]'.", "figures": []}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.load_study(study_name=name, storage=_opened(storage))
        done = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    except Exception as error:  # of whatever keeps it; the page is not to fail for it
        return {"said": f"The study in {storage} cannot be read: {str(error).splitlines()[0]}", "figures": []}
    if not done:
        return {"said": f"{len(study.trials)} trials, none of them with a result.", "figures": []}
    best = ", ".join(f"{key} = {value:g}" if isinstance(value, float) else f"{key} = {value}"
                     for key, value in study.best_params.items())  # fmt: skip
    figures: list[tuple[str, Callable[[Any], Any]]] = [("History", plot_optimization_history)]
    # Importance and slices say something only of what was tried at several places.
    varied = [key for key in study.best_params if len({trial.params.get(key) for trial in done}) > 1]
    if varied:
        figures += [("Importance (fANOVA)", plot_param_importances)] * (len(varied) > 1)  # of one alone it is 1
        figures += [("Slices", plot_slice)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of these functions are called experimental
        drawn = [{"title": title, **_plain(draw(study))} for title, draw in figures]
    said = f"{len(done)} of {len(study.trials)} trials have a result. Best: {best} ({study.best_value:.3f})."
    return {"said": said, "figures": drawn}


def _place(folder: Path) -> tuple[str | None, str]:
    """Where the study of a sweep is kept, and its name; None: it does not optimise."""
    try:
        sweeper = yaml_mapping(folder, "multirun.yaml")["hydra"]["sweeper"]
        told, name = sweeper.get("storage"), str(sweeper.get("study_name", "byzsgd"))
    except (ValueError, LookupError, TypeError, AttributeError):
        told, name = None, "byzsgd"
    if told is None and (folder / STUDY).exists():
        return str(folder / STUDY), name
    return (None if told is None else str(told)), name


def _elsewhere(folder: Path, storage: str) -> str:
    """Why a study is none of the files within its folder; empty: it is one."""
    kind, mark, place = storage.rpartition("://")
    if mark and kind != "sqlite":
        return f"it is kept in {storage}"
    try:
        regular(folder, Path(place.removeprefix("/") if mark else place).absolute())
    except ValueError as error:
        return str(error)
    return ""


def _opened(storage: str) -> Any:
    if "://" in storage:
        return storage
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    return JournalStorage(JournalFileBackend(storage))


def _plain(figure: Any) -> dict[str, Any]:
    """Data and layout of a figure of plotly, with the page's own looks."""
    made = json.loads(figure.to_json())
    layout = {key: value for key, value in made["layout"].items() if key not in ("template", "title")}
    return {"data": made["data"], "layout": layout}
