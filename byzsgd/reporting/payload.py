"""The data of a report page: runs and groups as plain JSON, small enough for a hundred runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from byzsgd.analysis.colours import PALETTE, look_of, server_places
from byzsgd.analysis.groups import ABSENT, Comparison, Recorded, called, phrase, typed_value
from byzsgd.analysis.jobs import jobs
from byzsgd.analysis.outcomes import accepted, at_best_validation, byzantine_share, final, may_refuse, staleness
from byzsgd.analysis.paired import hue_of
from byzsgd.checks import leaves, spelled

from .command import plot_command, train_command
from .notes import notes_of
from .optuna_study import study_of

EVALUATIONS = 120  # at most, of a run
DELIVERIES = 40_000  # at most, of all runs together
WINDOWS = 40
DASHES = ("solid", "dash", "dot", "dashdot")  # the names of plotly
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "triangle-down", "cross")
MEASURES = {
    "final": "final accuracy",
    "best": "accuracy at the best validation",
    "loss": "final test loss",
    "honest": "honest vectors accepted",
    "byzantine": "Byzantine vectors accepted",
    "staleness": "mean staleness",
}


def payload(comparison: Comparison, trust: bool = False) -> dict[str, object]:
    """All data of the page: only numbers, texts and lists. The page never reads them as markup. `trust` as in
    `study_of`."""
    runs = list(comparison.runs)
    numbers = {id(run): number for number, run in enumerate(runs)}
    each = max(200, DELIVERIES // len(runs))
    names = _metrics(runs)
    hue = hue_of(comparison)
    rest, own = comparison.besides(hue), () if hue is None else comparison.with_own(hue)
    return {
        "keys": [
            {
                "key": key,
                "name": called(key),
                "values": _values(comparison, key),
                "typed": [_typed(comparison, key, value) for value in comparison.values(key)],
            }
            for key in comparison.keys
        ],
        "hue": comparison.keys.index(hue) if hue is not None else None,
        "palette": PALETTE,
        "dashes": DASHES,
        "settings": _settings(runs),
        "study": study_of(runs, trust),
        "seeds": sorted({str(run.config.get("seed")) for run in runs}, key=lambda seed: (len(seed), seed)),
        "metrics": names,
        "measures": MEASURES,
        "groups": [
            {
                "label": group.label(comparison.keys) or "all runs",
                "values": [_word(key, group.values[key]) for key in comparison.keys],
                "panel": group.label(rest),
                "line": group.label(own) or "all runs",
                "refuses": any(map(may_refuse, group.runs)),
                "runs": [numbers[id(run)] for run in group.runs],
                **look,
            }
            for group, look in zip(comparison.groups, _looks(comparison), strict=True)
        ],
        "runs": [_run(run, names, each) for run in runs],
        "plot": plot_command(runs),
    }


def _typed(comparison: Comparison, key: str, value: object) -> str | None:
    """A value as `--select` takes it; None: it cannot take this value."""
    runs = next(group.runs for group in comparison.groups if group.values[key] == value)
    text = typed_value(runs[0], key)
    return None if text is None or "," in text else text


def _settings(runs: Sequence[Recorded]) -> dict[str, list[str | None]]:
    """Every choice and setting that differs between runs -> its value in each run; null: the run does not have it."""
    of_runs = [
        dict(run.choices) | {name: spelled(value) for name, value in leaves(run.config) if name not in run.choices}
        for run in runs
    ]
    names = sorted({name for each in of_runs for name in each})
    columns = {name: [each.get(name) for each in of_runs] for name in names}
    return {name: column for name, column in columns.items() if len(set(column)) > 1}


def _metrics(runs: Sequence[Recorded]) -> list[str]:
    """The names of the metrics that were measured, accuracy first."""
    names = dict.fromkeys(name for run in runs for name in run.metrics.columns if run.metrics[name].is_not_null().any())
    axes = {"step", "time", "arrivals", "bits_up", "bits_down"}
    return sorted(set(names) - axes, key=lambda name: (name != "test_accuracy", name))


def _word(key: str, value: object) -> str:
    return ABSENT if value == ABSENT else phrase(key, value)


def _values(comparison: Comparison, key: str) -> list[str]:
    return [_word(key, value) for value in comparison.values(key)]


def _looks(comparison: Comparison) -> list[dict[str, str]]:
    """Colour, dash and symbol of each group. Colour and dash follow the server, if servers differ. Groups with the same
    line have different symbols."""
    if "aggregator" in comparison.keys:
        places = server_places(str(value) for value in comparison.look_values("aggregator"))
        numbers = [places[str(group.values["aggregator"])] for group in comparison.groups]
    else:
        numbers = list(range(len(comparison.groups)))
    looks = []
    used: Counter[int] = Counter()
    for number in numbers:
        colour, dash = look_of(number)
        looks.append({"colour": PALETTE[colour], "dash": DASHES[dash], "symbol": SYMBOLS[used[number] % len(SYMBOLS)]})
        used[number] += 1
    return looks


def _run(run: Recorded, metrics: Sequence[str], each: int) -> dict[str, object]:
    return {
        "seed": str(run.config.get("seed")),
        "status": str(run.info.get("status")),
        "why": str(run.info.get("reason", "")),
        "folder": "" if run.folder is None else str(run.folder),
        "command": train_command(run),
        "notes": notes_of(run.folder),
        "facts": _facts(run),
        "measures": {
            "final": _number(final(run)),
            "best": _number(at_best_validation(run)),
            "loss": "inf" if math.isinf(loss := final(run, "test_loss")) else _number(loss),
            "honest": _number(accepted(run, byzantine=False)),
            "byzantine": _number(accepted(run, byzantine=True)),
            "staleness": _number(staleness(run)[0]),
        },
        "curve": _curve(run, metrics),
        "windows": _windows(run),
        "deliveries": _deliveries(run, each),
    }


def _facts(run: Recorded) -> list[list[str]]:
    info = run.info
    versions = info.get("versions") or {}
    values = {
        "parameters": info.get("num_parameters"),
        "Byzantine ids": ", ".join(str(worker) for worker in info.get("byzantine_ids") or ()) or "none",
        "deliveries": len(run.arrivals),
        "Byzantine share λ of deliveries": f"{byzantine_share(run):.3f}" if len(run.arrivals) else None,
        "largest staleness": f"{staleness(run)[1]:.0f}" if len(run.arrivals) else None,
        "(G, B)-dissimilarity": "({G:.3g}, {B:.3g})".format(**info["dissimilarity"])
        if "dissimilarity" in info
        else None,
        "engine": info.get("engine"),
        "wall time": f"{info['wall_time']:.1f} s" if info.get("wall_time") else None,
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()) or None,
        "commit": info.get("commit"),
    }
    return [[name, str(value)] for name, value in values.items() if value is not None]


def _curve(run: Recorded, metrics: Sequence[str]) -> dict[str, list[object]]:
    """The evaluations by column, thinned evenly. The last one always stays."""
    rows = run.metrics
    if len(rows) > EVALUATIONS:
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, EVALUATIONS).round().astype(int)).tolist()]
    names = ["step", "time", "arrivals", *(name for name in metrics if name in rows.columns)]
    return {name: [_number(value) for value in rows[name].to_list()] for name in names}


def _windows(run: Recorded) -> dict[str, list[object]]:
    """The accepted share in each window of the run, of honest and of Byzantine vectors; null: none arrived."""
    total = len(run.arrivals)
    count = min(WINDOWS, max(1, total // 40))
    edges = np.linspace(0, total, count + 1)
    shares: dict[str, list[object]] = {"arrivals": [round(float(end)) for end in edges[1:]]}
    for name, liars in (("honest", False), ("byzantine", True)):
        rows = run.arrivals.filter(pl.col("byzantine") == liars)
        window = np.clip(np.searchsorted(edges, rows["arrival"].to_numpy(), side="right") - 1, 0, count - 1)
        came = np.bincount(window, minlength=count)
        passed = np.bincount(window, weights=rows["accepted"].to_numpy().astype(float), minlength=count)
        shares[name] = [round(float(p / c), 4) if c else None for p, c in zip(passed, came, strict=True)]
    return shares


def _deliveries(run: Recorded, each: int) -> dict[str, object]:
    """Up to `each` consecutive deliveries by column, from the middle of the run."""
    total = len(run.arrivals)
    first = 0 if total <= each else (total - each) // 2
    rows = jobs(run)[first : first + each]
    fixed = [
        "arrival", "time", "began", "worker", "byzantine", "read_at", "step", "staleness", "accepted", "reason",
        "weight", "norm", "updated",
    ]  # fmt: skip
    shown = set(run.arrivals.columns) - {"serial", "read_at_true", "bits"}
    scores = [name for name in run.arrivals.columns if name in shown and name not in fixed]
    columns: dict[str, object] = {}
    for name in [*fixed, *scores]:
        values = rows[name].to_list()
        if rows.schema[name] == pl.Boolean:
            columns[name] = [int(value) for value in values]
        elif rows.schema[name] == pl.String:
            words = list(dict.fromkeys(values))
            columns[name] = {"words": words, "index": [words.index(value) for value in values]}
        else:
            columns[name] = [_measured(value) for value in values]
    return {"total": total, "first": first, "scores": scores, "columns": columns}


def _number(value: float | int | None) -> float | int | None:
    """A number with five significant digits; null: it is not finite."""
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _measured(value: float | int | None) -> float | int | str | None:
    """A measured number; null: not measured. Infinities and NaN become words, since they explain a refusal."""
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    return _number(value)
